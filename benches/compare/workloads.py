"""What all sides are asked, as text with the marks of SmolLM2's chat template already in it: so nobody's template makes a difference.

A workload is a dictionary: `prompts`, each with its `text` and the number of `tokens` to generate; `at_once`, how many are asked at a time; `window`, the tokens
that the longest of them needs, prompt and answer; with `arrival`, the last prompt comes when all others have generated so many tokens, and the others are given
up when it has its first ones.
"""

THINGS = ["wool", "salt", "iron", "glass", "paper", "silk", "bread", "honey", "amber", "cork", "ink", "rope", "clay", "tin", "soap", "linen"]


def chat(user, system="You are a helpful assistant."):
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"


def question(number):
    return f"Tell me everything you know about {THINGS[number % len(THINGS)]}."


def rules():
    """Some more than 800 tokens."""
    rule = "Rule {}: when a guest asks about {}, answer in one sentence and say how you know it."
    return " ".join(rule.format(number, THINGS[number * 7 % len(THINGS)]) for number in range(1, 37))


def long_text(number):
    """Some more than 1500 tokens that are the same in no two texts from the first word on."""
    return f"{number} of these:" + "".join(f" {THINGS[(number + i * i) % len(THINGS)]}" for i in range(1500)) + " What is missing?"


def prompts(texts, tokens):
    return [{"text": text, "tokens": tokens} for text in texts]


WORKLOADS = {
    "one": {"about": "one stream", "at_once": 1, "window": 512, "prompts": prompts([chat(question(0))], 128)},
    "shared8": {"about": "16 conversations under one system prompt of 800 tokens, 8 at once, cold", "at_once": 8, "window": 1024,
                "prompts": prompts([chat(question(i), rules()) for i in range(16)], 64)},
    "short16": {"about": "16 short distinct prompts", "at_once": 16, "window": 256, "prompts": prompts([chat(question(i)) for i in range(16)], 96)},
    "long4": {"about": "4 distinct prompts of 1500 tokens", "at_once": 4, "window": 2048, "prompts": prompts([chat(long_text(i)) for i in range(4)], 64)},
    "arrival": {"about": "a prompt of 1500 tokens arrives among 7 running streams", "at_once": 8, "window": 2048, "arrival": 16,
                "prompts": [*prompts([chat(question(i)) for i in range(7)], 1000), *prompts([chat(long_text(9))], 2)]},
    "busy2": {"about": "one stream beside two busy programs", "at_once": 1, "window": 512, "neighbours": 2, "prompts": prompts([chat(question(0))], 64)},
}
