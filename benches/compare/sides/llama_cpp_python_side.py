"""A workload through llama-cpp-python, which computes one request at a time: llama_cpp_python_side.py MODEL WORKLOAD SETTING (both JSON)."""
import json
import sys
import time

import llama_cpp

model, workload, setting = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
llama = llama_cpp.Llama(model_path=model, n_ctx=workload["window"], n_threads=setting["threads"], n_threads_batch=setting["threads"], verbose=False)
never_end = {llama.token_eos(): -1e9}


def read(prompt, asked):
    tokens = llama.tokenize(prompt["text"].encode(), add_bos=False, special=True)
    times = []
    for chunk in llama.create_completion(tokens, max_tokens=prompt["tokens"], temperature=0, logit_bias=never_end, stream=True):
        if chunk["choices"][0]["text"]:
            times.append(time.monotonic())
    return {"asked": asked, "times": times, "prompt_tokens": len(tokens), "generated": None}


read({"text": "Hi", "tokens": 8}, 0)
if "arrival" in workload:
    sys.exit("llama-cpp-python computes one request at a time: nothing can arrive")
# Whoever is among the first `at_once` has asked at the beginning, the next when one of these has ended.
results, ends = [], [time.monotonic()] * workload["at_once"]
for prompt in workload["prompts"]:
    results.append(read(prompt, ends.pop(0)))
    ends.append(time.monotonic())
print(json.dumps(results))
