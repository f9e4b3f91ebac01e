"""Cost of a deployment: dated list prices, the resources of a template that are charged while idle, and the requests of
a measured job.

    prices.json   the only file with AWS prices
    job.json      the AWS requests of the main job, counted by `make bench-cost`
"""
