"""Connects to each URL of the JSON list on stdin as Cinder does, with SQLAlchemy. A line of JSON: why it failed, or null."""
import json
import sys

import sqlalchemy


def attempt(url):
    try:
        with sqlalchemy.create_engine(url).connect() as connection:
            connection.execute(sqlalchemy.text('select 1'))
    except Exception as error:  # the test tells what it expects
        return '%s: %s' % (type(error).__name__, error)
    return None


print(json.dumps([attempt(url) for url in json.load(sys.stdin)]))
