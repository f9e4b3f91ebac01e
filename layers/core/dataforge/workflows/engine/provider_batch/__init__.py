"""Runs at batch price: questions wait in files, go out as jobs of the provider, come back as stored replies.

    pending      a batch reads its stored replies; a question without one is noted, nothing is asked
    submitting   the noted questions as jobs, each made once; too few for a job are asked in real time
    preflight    what is asked in real time before the first job
    polling      until every job is over
    collecting   the replies of the jobs into the store; then the batches read them
    job_state    the files that hold all this
    checks       whether a provider takes the jobs of a run, before it is begun

What reads a reply, corrects it and counts it is the code of the runs in real time: `engine.call_loop` and the calls of
the kind. A call of a synthetic run asks several teachers in turn: each pass over the batch goes on to its next one.
"""
