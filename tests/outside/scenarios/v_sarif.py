"""What `tollgate check --format sarif` writes, judged by the published schema and by a validator of somebody else's."""
import json
import os
import subprocess

import procs
from exchange import BINARY
from scenarios.o_language import ARTICLE
from scenarios.p_proof import PLANS

SCHEMA = os.path.join(procs.HERE, "standards", "sarif-schema-2.1.0.json")
# Reads pairs [name, log] and says which do not fit, each with the first fault.
JUDGE = """
import json, sys
from jsonschema import Draft7Validator
judge = Draft7Validator(json.load(open(sys.argv[1])))
for name, log in json.load(sys.stdin):
    for fault in sorted(judge.iter_errors(log), key=str)[:1]:
        print(name, "/".join(map(str, fault.absolute_path)), fault.message[:300])
"""


def judged(logs):
    """What the validator says against `logs`; nothing where all fit."""
    p = subprocess.run(["/usr/bin/python3", "-c", JUDGE, SCHEMA], input=json.dumps(logs), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=120)
    assert p.returncode == 0, p.stderr[-2000:]
    return p.stdout.splitlines()


def sarif(path):
    """The log of what is found in a plan."""
    p = subprocess.run([BINARY, "check", path, "--format", "sarif"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert p.returncode in (0, 1), (path, p.returncode, p.stderr[-1000:])
    return json.loads(p.stdout)


def help_page(*args):
    """A page of help."""
    return subprocess.run([BINARY, "help"] + list(args), stdout=subprocess.PIPE, timeout=20, text=True, check=True).stdout


def example(page, title):
    """A plan of a help page, written in its dialect."""
    begin = page.index("\n" + title)
    head, text = page[begin + 1:].split("\n", 1)
    lines = []
    for line in text.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line[4:])
    dialect = head[head.index("(dialect ") + 9:head.index(")")].split()[0] if "(dialect " in head else "22"
    return ("" if dialect == "auto" else "; tollgate: dialect %s\n" % dialect) + "\n".join(lines)


def test_every_log_fits_the_published_schema():
    """The log of the bad and the repaired example of every finding's page, of the plan of 2005 and of the known-bad plans with their key presses fits the schema of SARIF 2.1.0; a log that is wrong does not."""
    plans = {"the plan of 2005": open(ARTICLE).read()}
    plans.update((what, text.replace("[open]", "[from-trunk]").replace("@meter", "@itsp")) for what, text, _ in PLANS)
    codes = [line.split()[0] for line in help_page("findings").splitlines()[1:] if line[:1].isalpha()]
    for code in codes:
        page = help_page(code)
        plans[code + ", bad"], plans[code + ", repaired"] = example(page, "Found in"), example(page, "Not in")
    logs, rules, flows, fixes = [], set(), 0, 0
    path = os.path.join(procs.tempdir("plans-"), "a plan with a space.conf")
    for name, text in plans.items():
        with open(path, "w") as f:
            f.write(text)
        log = sarif(path)
        logs.append((name, log))
        results = log["runs"][0]["results"]
        rules |= {result["ruleId"] for result in results}
        flows += sum("codeFlows" in result for result in results)
        fixes += sum("fixes" in result for result in results)
    assert not judged(logs), judged(logs)
    assert len(rules) > 60 and flows >= len(PLANS) and fixes >= 5, (len(rules), flows, fixes)
    # the judge can say no
    wrong = json.loads(json.dumps(logs[0][1]))
    wrong["runs"][0]["results"][0]["level"] = "terrible"
    said = judged([("wrong", wrong)])
    assert len(said) == 1 and "terrible" in said[0], said
    test_every_log_fits_the_published_schema.note = "  (%d logs, %d rules, %d flows, %d fixes)" % (len(logs), len(rules), flows, fixes)
