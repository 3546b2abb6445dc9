"""Show how sure a model is of its answer: each token with its probability, and the two likeliest tokens in its place.

    logprobs.py MODEL.gguf ["QUESTION"]

The table goes to stdout, errors go to stderr.
"""

import math
import sys

import chaku


def percent(token: chaku.TokenLogprob | chaku.TopLogprob) -> str:
    # A token may be a part of a character: repr shows that too.
    text = token.bytes.decode("utf-8", "backslashreplace")
    return f"{math.exp(token.logprob):6.1%} {text!r}"


def main() -> None:
    if len(sys.argv) < 2:
        print(f"usage: {sys.argv[0]} MODEL.gguf [QUESTION]", file=sys.stderr)
        sys.exit(2)
    question = sys.argv[2] if len(sys.argv) > 2 else "Is a llama an animal?"
    with chaku.Model.load(sys.argv[1]) as model:
        reply = model.session().chat(question, logprobs=2, temperature=0, max_tokens=24)
        for token in reply.logprobs:
            print(percent(token), "  of", *map(percent, token.top_logprobs))
        sure = math.exp(sum(token.logprob for token in reply.logprobs))
        print(f"The whole answer: {sure:.3%}")


if __name__ == "__main__":
    try:
        main()
    except chaku.Error as error:
        sys.exit(f"{error.code} ({error.reason}): {error.message}")
