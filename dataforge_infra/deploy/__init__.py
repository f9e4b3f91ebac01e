"""Deploys the templates to an account: uploads assets, creates or updates stacks, and shows the progress.

The `dataforge` command starts it (`python -m dataforge_infra.deploy`); `make test-deploy` deploys the same templates to
an emulator. It needs no `cdk` command and no bootstrapped account.
"""
