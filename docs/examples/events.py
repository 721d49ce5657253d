import json
import os
import sqlite3
from urllib.parse import unquote_plus

db = sqlite3.connect(os.environ.get("EVENTS_DB", "events.db"))
db.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY, at TEXT)")
db.execute("CREATE TABLE IF NOT EXISTS newest (key TEXT PRIMARY KEY, sequencer TEXT, name TEXT)")


def handle(event, event_id=None):
    """Acts on an event once. When it returns, the broker can be answered."""
    record = event["Records"][0]
    name, s3 = record["eventName"], record["s3"]
    key = s3["bucket"]["name"] + "/" + unquote_plus(s3["object"]["key"])
    sequencer = s3["object"]["sequencer"]
    with db:  # one transaction: if the program dies in it, the event comes again
        added = db.execute("INSERT OR IGNORE INTO handled VALUES (?, datetime('now'))",
                           (event_id or key + " " + sequencer,))
        if added.rowcount == 0:
            print("again", name, key)
            return
        print("new", name, key)  # here goes what you do for every event
        if name.startswith("s3:ObjectAccessed:"):
            return  # a read changes nothing
        db.execute("INSERT INTO newest VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE "
                   "SET sequencer = excluded.sequencer, name = excluded.name "
                   "WHERE excluded.sequencer > newest.sequencer", (key, sequencer, name))


def forget():
    """Drops ids so old that no duplicate of them comes. To be called daily."""
    with db:
        db.execute("DELETE FROM handled WHERE at < datetime('now', '-14 days')")


if __name__ == "__main__":  # what is known of each key
    for row in db.execute("SELECT key, name FROM newest ORDER BY key"):
        print(json.dumps(row))
