#!/usr/bin/env python3
"""How much of JSON Schema an answer can be held to: coverage.py SUITE MODEL [SEEDS]. `make bench-schemas` installs what it needs.

Each schema of JSON-Schema-Test-Suite (draft 2020-12) is given as `json_schema` to a model with random weights, which says what it must and
nothing else, and each answer is checked by another implementation (the package jsonschema):

    right     every answer is valid
    wrong     some answer is not, or is no JSON: a constraint must never do that
    cut       no answer came to its end within its tokens
    refused   the schema cannot be followed, which is an error before anything is computed
"""

from __future__ import annotations

import collections
import json
import pathlib
import sys

import chaku
import jsonschema

TOKENS = 400


def judge(model: chaku.Model, schema: object, seeds: int) -> tuple[str, str]:
    text, ended = json.dumps(schema), 0
    for seed in range(seeds):
        session = model.session()
        try:
            reply = session.chat("Go.", json_schema=text, seed=seed, max_tokens=TOKENS, temperature=1.0, top_k=0, min_p=0.0, top_p=1.0)
        except chaku.Error as error:
            return ("refused" if error.reason == "invalid_grammar" else "wrong"), str(error)
        finally:
            session.close()
        if reply.finish_reason != "stop":
            continue
        ended += 1
        try:
            jsonschema.Draft202012Validator(schema).validate(json.loads(reply.text))
        except (json.JSONDecodeError, jsonschema.ValidationError) as error:
            return "wrong", f"{reply.text!r}: {str(error).splitlines()[0]}"
        except Exception as error:  # the other implementation cannot tell: a reference it may not fetch
            return "unchecked", str(error).splitlines()[0]
    return ("right", "") if ended else ("cut", "")


def main() -> None:
    suite, path = pathlib.Path(sys.argv[1]), sys.argv[2]
    seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 8
    counts: dict[str, collections.Counter[str]] = {}
    with chaku.Model.load(path, threads=1) as model:
        for file in sorted(suite.glob("*.json")):
            counts[file.stem] = collections.Counter()
            for group in json.loads(file.read_text("utf-8")):
                verdict, why = judge(model, group["schema"], seeds)
                counts[file.stem][verdict] += 1
                if verdict == "wrong":
                    print(f"WRONG {file.stem}: {group['description']}: {json.dumps(group['schema'])}: {why}")
    verdicts = ["right", "wrong", "refused", "cut", "unchecked"]
    for keyword, seen in counts.items():
        print(f"{keyword:30}" + "".join(f"{seen[verdict]:5} {verdict}" for verdict in verdicts if seen[verdict]))
    total = sum(counts.values(), collections.Counter())
    print(f"{sum(total.values())} schemas, {seeds} answers each: " + ", ".join(f"{total[verdict]} {verdict}" for verdict in verdicts))
    print(f"{sum(total.values()) - total['wrong']} passed, {total['wrong']} failed")
    sys.exit(total["wrong"] > 0)


if __name__ == "__main__":
    main()
