"""Show how a model cuts text into tokens, and what the model says about itself.

    tokenize_text.py MODEL.gguf [TEXT]

(A program called tokenize.py would stand in the way of Python's own module of this name.)
"""

import sys

import chaku


def describe(model: chaku.Model) -> None:
    print(f"name        {model.metadata.get('general.name', '(none)')}")
    print(f"kind        {model.description}")
    print(f"weights     {model.size_bytes / 2**20:.1f} MiB, {model.parameter_count / 1e6:.1f} million parameters")
    print(f"window      {model.context_size} tokens, trained for {model.training_context}")
    print(f"vocabulary  {model.vocab_size} tokens\n")


def main() -> None:
    if len(sys.argv) < 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf [TEXT]", file=sys.stderr)
        sys.exit(2)
    text = sys.argv[2] if len(sys.argv) > 2 else "Llamas hum when they are curious. 🦙"
    with chaku.Model.load(sys.argv[1]) as model:
        tokens = model.tokenize(text)
        describe(model)
        print(f"{len(tokens)} tokens:")
        for token in tokens:
            # A token may be a part of a character only.
            piece = model.detokenize([token], special=True).decode(errors="replace")
            print(f'{token:8}  "{piece}"')


if __name__ == "__main__":
    try:
        main()
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
