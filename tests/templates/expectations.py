#!/usr/bin/env python3
"""llama.cpp's own expectations of its templates, from its test program to JSON:   expectations.py TEST_CHAT_CPP

The program says them in chains of calls, `tst.test("…").tools({ … }).expect(…).run();`. What stands in these is literals, names of
constants and calls of a few functions that make messages: all of it is evaluated here, and a chain with anything else is counted as not
read. Prints {"cases": [{"template", "input", "ask", "expect", "partial"}], "not_read": n}.
"""
import json
import re
import sys

TOKEN = re.compile(
    r'''//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\s]*)\((?P<raw>.*?)\)(?P=d)"|"(?P<str>(?:[^"\\]|\\.)*)"|(?P<char>'(?:[^'\\]|\\.)')|(?P<id>[A-Za-z_][A-Za-z_0-9:]*)|(?P<num>\d[\w.]*)|(?P<op>\S)''',
    re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'", "0": "\0", "b": "\b", "f": "\f"}
REASONING = {"NONE": "none", "AUTO": "auto", "DEEPSEEK": "deepseek", "DEEPSEEK_LEGACY": "deepseek-legacy"}


class NotRead(Exception):
    pass


def unescape(text):
    def one(match):
        found = match.group(1)
        if found[0] in "ux":
            return bytes([int(found[1:], 16)]).decode("latin-1") if found[0] == "x" else chr(int(found[1:], 16))
        return ESCAPES[found]
    text = re.sub(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", one, text, flags=re.DOTALL)
    return text


def tokens_of(source):
    tokens = []
    for match in TOKEN.finditer(source):
        if match["raw"] is not None:
            tokens.append(("str", match["raw"]))
        elif match["str"] is not None:
            tokens.append(("str", unescape(match["str"])))
        elif match["id"] is not None:
            tokens.append(("id", match["id"]))
        elif match["num"] is not None:
            tokens.append(("num", match["num"]))
        elif match["op"] is not None:
            tokens.append(("op", match["op"]))
    return tokens


def message(content="", reasoning="", tool="", arguments="", id_=""):
    calls = [[tool, arguments, id_]] if tool or id_ else []
    return {"content": content, "reasoning": reasoning, "calls": calls}


FUNCTIONS = {
    "std::string": lambda text="": text,
    "simple_assist_msg": message,
    "message_with_tool_calls": lambda tool, arguments: message("", "", tool, arguments),
    "message_with_tool_calls_and_reasoning": lambda tool, arguments, reasoning: message("", reasoning, tool, arguments),
    "message_with_content_and_tool_call": lambda content, tool, arguments: message(content, "", tool, arguments),
    "message_with_reasoning_and_tool_call": lambda reasoning, tool, arguments: message("", reasoning, tool, arguments),
    "message_with_reasoning_content_and_multiple_tool_calls": lambda reasoning, content, calls: {
        "content": content, "reasoning": reasoning, "calls": [[name, arguments, ""] for name, arguments in calls]},
}


class Reader:
    def __init__(self, tokens):
        self.tokens, self.at, self.names = tokens, 0, {}

    def peek(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ("end", "")

    def take(self, value=None):
        token = self.peek()
        if value is not None and token[1] != value:
            raise NotRead(f"{value} expected, {token}")
        self.at += 1
        return token

    def values(self, end):
        """Values up to a closing bracket, with commas between."""
        found = []
        while self.peek() != ("op", end):
            found.append(self.value())
            if self.peek() == ("op", ","):
                self.take()
        self.take(end)
        return found

    def value(self):
        value = self.term()
        while self.peek() == ("op", "+"):
            self.take()
            value = value + self.term()
        return value

    def term(self):
        kind, text = self.take()
        if kind == "str":
            while self.peek()[0] == "str":
                text += self.take()[1]
            return text
        if (kind, text) == ("op", "{"):
            return self.values("}")
        if kind == "num":
            return int(text)
        if kind != "id":
            raise NotRead(f"{text} is no value")
        if text in ("true", "false"):
            return text == "true"
        if self.peek() == ("op", "(") and text in FUNCTIONS:
            self.take()
            return FUNCTIONS[text](*self.values(")"))
        if text.startswith("COMMON_"):
            return text
        if text in self.names:
            return self.names[text]
        raise NotRead(f"{text} is not known")

    def define(self):
        """`common_chat_tool name{ … };`, `const common_chat_msg name = …;`, `const char * name = …;`: what is defined is known from here on."""
        kind = self.take()[1]
        while self.peek() in (("op", "*"), ("op", "&"), ("id", "const")):
            self.take()
        if self.peek()[0] != "id" or self.peek(1)[1] not in ("{", "="):
            return
        name = self.take()[1]
        if self.peek()[1] == "=":
            self.take()
        value = self.value()
        if kind == "common_chat_tool":
            value = tool(value)
        elif kind == "common_chat_msg" and isinstance(value, list):
            value = {"role": value[0], "content": value[1], "reasoning": value[4] if len(value) > 4 else "",
                     "calls": value[3] if len(value) > 3 else [], "parts": value[2] if len(value) > 2 else []}
        self.names[name] = value


def tool(value):
    if isinstance(value, dict):
        return value
    name, description, parameters = value
    return {"type": "function", "function": {"name": name, "description": description, "parameters": json.loads(parameters)}}


def as_message(value):
    if isinstance(value, list):
        raise NotRead("a message in braces")
    if value.get("parts"):
        raise NotRead("parts of a message")
    made = {"role": value.get("role", "assistant"), "content": value["content"]}
    if value["reasoning"]:
        made["reasoning_content"] = value["reasoning"]
    if value["calls"]:
        made["tool_calls"] = [{"id": id_ or "", "type": "function", "function": {"name": name, "arguments": arguments}}
                              for name, arguments, id_ in value["calls"]]
    return made


def case_of(input_, calls):
    ask = {"messages": [{"role": "user", "content": "Hey there!"}], "add_generation_prompt": True, "reasoning_format": "none"}
    expect, partial = message(), False
    for name, arguments in calls:
        first = arguments[0] if arguments else True
        if name == "expect":
            expect = dict(first)
        elif name == "expect_content":
            expect["content"] = first
        elif name == "expect_reasoning":
            expect["reasoning"] = first
        elif name == "expect_tool_calls":
            expect["calls"] = [[call[0], call[1], call[2] if len(call) > 2 and call[2] else ""] for call in first]
        elif name == "tools":
            ask["tools"] = [tool(value) for value in first]
        elif name == "messages":
            ask["messages"] = [as_message(value) for value in first]
        elif name == "reasoning_format":
            ask["reasoning_format"] = REASONING[first.removeprefix("COMMON_REASONING_FORMAT_")]
        elif name == "tool_choice":
            ask["tool_choice"] = first.removeprefix("COMMON_CHAT_TOOL_CHOICE_").lower()
        elif name == "continue_final_message":
            ask["continue_final_message"] = not first.endswith("_NONE")
        elif name in ("enable_thinking", "parallel_tool_calls", "add_generation_prompt"):
            ask[name] = first
        elif name == "is_partial":
            partial = first
        elif name != "expect_reconstruction":
            raise NotRead(f"{name} is not known")
    if ask.get("continue_final_message") and calls and any(value == ["COMMON_CHAT_CONTINUATION_CONTENT"] for _, value in calls):
        if not ask["messages"][-1]["content"]:
            raise NotRead("the content of a message without any is continued")
    if "tools" in ask:
        ask.setdefault("tool_choice", "auto")
    return {"input": input_, "ask": ask, "expect": expect, "partial": partial}


def main(path):
    reader = Reader(tokens_of(open(path, encoding="utf-8").read()))
    testers, lists, cases, not_read = {}, {}, [], 0
    # A function that is called with each template of a list comes before the list.
    shared = {}
    while reader.peek()[0] != "end":
        start = reader.at
        kind, text = reader.peek()
        try:
            if text in ("common_chat_tool", "common_chat_msg", "char") and kind == "id":
                reader.define()
            elif text == "for" and reader.peek(1)[1] == "(":
                while reader.peek()[1] != ":" and reader.peek()[1] != ";":
                    reader.take()
                name = reader.peek(-1)[1]
                if reader.take()[1] == ":" and reader.peek()[1] == "{":
                    lists[name] = reader.term()
            elif text == "test_lfm2_parser" and reader.peek(2)[1] in lists:
                shared["template_path"] = lists[reader.peek(2)[1]]
                reader.take()
            elif text == "peg_tester" and reader.peek(1)[1] == "(" and reader.peek(-1)[1] == "=":
                name = reader.peek(-2)[1]
                reader.at += 2
                kind, text = reader.take()
                testers[name] = text if kind == "id" else [text]
                if text in lists:
                    testers[name] = lists[text]
            elif kind == "id" and text in testers and reader.peek(1)[1] == "." and reader.peek(2)[1] == "test":
                reader.at += 4
                input_, calls = reader.values(")"), []
                while reader.peek()[1] == ".":
                    reader.take()
                    name = reader.take()[1]
                    reader.take("(")
                    calls.append((name, reader.values(")")))
                if calls and calls[-1][0] == "run":
                    if any(name == "json_schema" for name, _ in calls):
                        continue  # an answer is held to a schema in another way here
                    cases.append((testers[text], case_of(input_[0], calls[:-1])))
            else:
                reader.take()
        except (NotRead, ValueError, TypeError, KeyError, IndexError) as error:
            if text in testers and isinstance(text, str):
                not_read += 1
                print(f"not read: {error}", file=sys.stderr)
            reader.at = max(reader.at, start + 1)
    # Names are templates by now, or a parameter whose values were found behind its function.
    result = []
    for paths, case in cases:
        for path in shared.get(paths, []) if isinstance(paths, str) else paths:
            result.append({"template": path.rsplit("/", 1)[-1], **case})
    json.dump({"cases": result, "not_read": not_read}, sys.stdout, ensure_ascii=False)


main(sys.argv[1])
