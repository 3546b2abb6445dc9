"""A workload through xllamacpp, which is llama-server inside the process: xllamacpp_side.py MODEL WORKLOAD SETTING (both JSON)."""
import json
import queue
import sys
import threading
import time

import xllamacpp

model, workload, setting = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
slots = setting["slots"]
params = xllamacpp.CommonParams()
params.model.path = model
params.n_parallel = slots
params.n_ctx = slots * workload["window"]
params.kv_unified = setting.get("unified", False)
params.n_gpu_layers = 0
params.fit_params = False
params.verbosity = -1
for threads in (params.cpuparams, params.cpuparams_batch):
    threads.n_threads = setting["threads"]
server = xllamacpp.Server(params)


class Answer:
    def __init__(self, prompt):
        self.prompt, self.times, self.usage, self.give_up = prompt, [], {}, False

    def read(self):
        self.asked = time.monotonic()
        request = {"prompt": self.prompt["text"], "max_tokens": self.prompt["tokens"], "temperature": 0, "ignore_eos": True, "cache_prompt": True, "stream": True,
                   "stream_options": {"include_usage": True}}
        server.handle_completions(request, self.take)

    def take(self, chunk):
        """One chunk a token, but for those that end inside a character."""
        if "error" in chunk:
            raise RuntimeError(chunk)
        if chunk.get("choices") and chunk["choices"][0]["text"]:
            self.times.append(time.monotonic())
        self.usage = chunk.get("usage") or self.usage
        return self.give_up

    def result(self):
        return {"asked": self.asked, "times": self.times, "prompt_tokens": self.usage.get("prompt_tokens"), "generated": self.usage.get("completion_tokens")}


def in_threads(targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


Answer({"text": "Hi", "tokens": 8}).read()  # weights and threads are warm
answers = [Answer(prompt) for prompt in workload["prompts"]]
if "arrival" in workload:
    *streams, newcomer = answers

    def arrive():
        while any(len(stream.times) < workload["arrival"] for stream in streams):
            time.sleep(0.001)
        newcomer.read()
        for stream in streams:
            stream.give_up = True

    in_threads([*(stream.read for stream in streams), arrive])
else:
    todo = queue.SimpleQueue()
    for answer in answers:
        todo.put(answer)

    def client():
        while True:
            try:
                answer = todo.get_nowait()
            except queue.Empty:
                return
            answer.read()

    in_threads([client] * workload["at_once"])
print(json.dumps([answer.result() for answer in answers]))
