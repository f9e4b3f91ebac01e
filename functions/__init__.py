"""How the world calls it. On Lambda every function logs as the product does, not as Lambda's runtime would."""

import os

from dataforge import log, settings

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    log.configure(settings.get().log_level)
