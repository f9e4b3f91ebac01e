"""Puts the templates into an account: assets uploaded, stacks made or updated, what happens shown as it happens.

The `dataforge` command starts it (`python -m infra.deploy`), and `make test-deploy` proves it: the same code deploys
the same templates to the test bed. It needs no `cdk` command and no bootstrapped account.
"""
