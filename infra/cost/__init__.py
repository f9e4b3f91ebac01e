"""What a deployment costs: dated list prices, the resources of a template that are paid for while nobody works, and
the requests of a measured job.

    prices.json   the one place where a price of AWS stands
    job.json      what the main job asked of AWS, counted by `make bench-cost`
"""
