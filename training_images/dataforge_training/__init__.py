"""The training program: one config file and JSON lines in, a fine-tuned model out. It obeys SageMaker's container
contract and runs the same way on one machine."""

VERSION = "1.0.0"
