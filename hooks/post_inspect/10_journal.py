# SPDX-License-Identifier: Apache-2.0
"""After an inspection: one line in the project's journal, .gates/journal.jsonl, for whoever follows what happens."""

import json
import os
import sys
import time
from pathlib import Path

event = json.load(sys.stdin)
project = os.environ.get("GATES_PROJECT")
if project:
    keep = ("event", "asset", "subject", "verdict", "reason")
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **{k: event.get(k) for k in keep}}
    with (Path(project) / ".gates" / "journal.jsonl").open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(line) + "\n")
