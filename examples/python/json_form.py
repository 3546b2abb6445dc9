"""Have a model fill in a form: its answer is JSON that follows a JSON Schema, whatever the model would rather say.

    json_form.py MODEL.gguf ["TEXT"]   the form of a person that the text tells of

The form goes to stdout, errors go to stderr. `regex`, `lark` and `grammar` hold an answer to other forms.
"""

import json
import sys

import chaku

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "city": {"type": "string", "maxLength": 40},
        "job": {"type": "string", "maxLength": 40},
        "likes_llamas": {"type": "boolean"},
    },
    "required": ["name", "age", "city", "job", "likes_llamas"],
    "additionalProperties": False,
}


def main() -> None:
    if len(sys.argv) < 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf [TEXT]", file=sys.stderr)
        sys.exit(2)
    text = sys.argv[2] if len(sys.argv) > 2 else "Ada is 36 and builds bridges in Cusco. Her three llamas are her joy."
    with chaku.Model.load(sys.argv[1]) as model:
        session = model.session(system="Fill in the form of the person.")
        reply = session.chat(text, json_schema=json.dumps(SCHEMA), temperature=0)
        for field, value in json.loads(reply.text).items():
            print(f"{field}: {value}")


if __name__ == "__main__":
    try:
        main()
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
