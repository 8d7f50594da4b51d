"""How the scripts beside this one talk to a test: an order a line in, an answer a line out, in JSON."""
import json
import sys


def answer(run):
    """Says that it is ready, and answers each order with what `run` makes of it, or with its error."""
    print(json.dumps('ready'), flush=True)
    for line in sys.stdin:
        try:
            reply = {'result': run(json.loads(line))}
        except Exception as error:  # the test tells what it expects
            reply = {'error': '%s: %s' % (type(error).__name__, error)}
        print(json.dumps(reply), flush=True)
