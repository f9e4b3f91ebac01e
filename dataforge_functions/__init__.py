"""Lambda handlers and the HTTP API. On Lambda every function logs in the product's format, not the runtime's."""

import os

from dataforge import log, settings

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    log.configure(settings.get().log_level)
