"""Runs at batch price: questions wait in files, go out as jobs of the provider, come back as stored replies.

    parking      a batch replays what is on file; a question without a reply is noted, nothing is asked
    submitting   the noted questions as jobs, each made once; few ones are asked in real time
    probing      what is asked in real time before the first job
    waiting      until every job is over
    collecting   the replies of the jobs into the store; then the batches replay

What reads a reply, corrects it and counts it is the code of the runs in real time: `calling`, `synthetic.making`. A
call of a synthetic run asks several teachers in turn: each replay goes on to its next question. How a batch of either
kind of run is opened stands in `opening`.
"""
