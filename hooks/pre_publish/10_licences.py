# SPDX-License-Identifier: Apache-2.0
"""Before a publish: every input should say where it comes from and under which licence.

Missing licences are told in the receipt; with GATES_REQUIRE_LICENCES=1 they stop the publish.
"""

import json
import os
import sys

event = json.load(sys.stdin)
missing = [i["file"] or i["role"] for i in event.get("inputs", []) if i["kind"] != "text" and not i["licence"]]
if missing and os.environ.get("GATES_REQUIRE_LICENCES") == "1":
    print(f"no licence is recorded for: {', '.join(missing)}", file=sys.stderr)
    print("say it with: gates input ASSET --image FILE --licence SPDX-ID", file=sys.stderr)
    sys.exit(1)
json.dump({"inputs": len(event.get("inputs", [])), "without_licence": missing}, sys.stdout)
