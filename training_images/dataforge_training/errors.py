"""What can go wrong on purpose.

TrainingError
  ConfigError   training.json names a field that is wrong
  DataError     a line of a channel is wrong, or nothing is left to train on
  ModelError    the model cannot be loaded or does not suit the task
Interrupted     SIGTERM: the checkpoint is written, the program exits with 0
"""


class TrainingError(Exception):
    """Its text is what `output/failure` says."""


class ConfigError(TrainingError):
    pass


class DataError(TrainingError):
    pass


class ModelError(TrainingError):
    pass


class Interrupted(Exception):
    """Asked to stop (SIGTERM)."""
