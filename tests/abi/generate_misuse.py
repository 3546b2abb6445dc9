#!/usr/bin/env python3
"""Writes what tests/abi/misuse/ needs to know of every exported function, as a C table:

    generate_misuse.py >target/abi/misuse_table.c

All of it is read off include/chaku.h, the signatures and the comments, and held against capi/abi/symbols.txt: a
function that is not in both, or whose comment does not say what a wrong argument does, is an error. Of each function
the table says what every parameter is, what a valid argument for it is, what the function returns for a wrong one,
whether it may be called inside a callback, and which reasons its comment names.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OWNERSHIP = ("borrowed", "copied", "consumed", "returns owned (free with chaku_", "valid until")

# Valid arguments that are not handles, as C: by parameter, or by function and parameter where that is not enough.
VALID = {
    "key": '"max_tokens"',
    "path": "model_path",
    "spec": '"hf:no/where"',
    "role": '"user"',
    "messages": r'"[{\"role\":\"user\",\"content\":\"hello\"}]"',
    "text": '"hello"',
    "value": '"x"',
    "name": '"cpu"',
    "level": "1",
    "capacity": "sizeof((struct result *)0)->buffer / 4",
    "count": "1",
    "max_rounds": "1",
    ("chaku_options_set_i64", "value"): "1",
    ("chaku_options_set_f64", "key"): '"temperature"',
    ("chaku_options_set_bool", "key"): '"mmap"',
    ("chaku_options_set_str", "key"): '"grammar"',
    ("chaku_options_add_str", "key"): '"stop"',
    ("chaku_option_find", "name"): '"--temp"',
    ("chaku_error_detail", "key"): '"parameter"',
    ("chaku_model_metadata", "key"): '"general.name"',
    ("chaku_session_save", "path"): "state_path",
    ("chaku_session_restore", "path"): "state_path",
}
# Handles in a state that the function needs: the sources of objects.c.
SOURCES = {
    ("chaku_model_close", "model"): "A_MODEL_OF_ITS_OWN",
    ("chaku_session_continue", "session"): "AN_ANSWERED_SESSION",
    ("chaku_request_model", "request"): "A_FINISHED_LOAD",
    ("chaku_request_buffer", "request"): "A_FINISHED_SAVE",
    ("chaku_request_path", "request"): "A_FINISHED_SAVE",  # freed while it runs, another one ends as cancelled
    ("chaku_request_resume", "request"): "A_PAUSED_REQUEST",
    ("chaku_event_logits", "event"): "A_LOGITS_EVENT",
    ("chaku_session_run_tools", "session"): "A_SESSION_WITH_TOOLS",
    ("chaku_session_run_tools_messages", "session"): "A_SESSION_WITH_TOOLS",
}
# What this library refuses whatever the arguments are: it is built without downloads, and so no request has files.
REFUSES = {"chaku_model_download": "unimplemented", "chaku_request_path": "no_result"}
# Values that differ from one call to the next.
CHANGING = {"chaku_device_memory_free"}
# What a forked child may read, as the header's first comment says: version, code names, backends, the table of options.
FOR_CHILDREN = re.compile(r"chaku_(abi_version|version\w*|build_info|has_feature|code_name|backend_\w+|option_\w+)")


def fail(message):
    sys.exit(f"generate_misuse.py: {message}")


def squeeze(text):
    return " ".join(text.split())


class Parameter:
    def __init__(self, function, declaration):
        plain = squeeze(declaration.replace("CHAKU_NULLABLE", ""))
        self.kind, self.name = re.fullmatch(r"(.*?[ *])(\w+)", plain).groups()
        self.kind = self.kind.replace(" ", "")
        self.comment = function.entry(f"`{self.name}`")
        self.nullable = "CHAKU_NULLABLE" in declaration or "may be NULL" in self.comment
        self.consumed = self.comment.startswith("consumed")
        self.constant = self.kind.startswith("const")
        self.type = next((t for t in function.header.types if t in self.kind), None)
        self.role = self.find_role(function)
        pointer = "*" in self.kind or self.kind.endswith("_callback")
        if pointer and not any(word in self.comment for word in OWNERSHIP):
            fail(f"{function.name}: the comment gives `{self.name}` no ownership word")

    def find_role(self, function):
        if self.name == "out_error":
            return "OUT_ERROR"
        if self.name == "data_len":
            return "BYTES_LEN"
        if (function.name, self.name) == ("chaku_request_resume", "count"):
            return "LOGITS_COUNT"
        roles = {
            "constchar*": "TEXT", "constvoid*": "BYTES", "constint32_t*": "ARRAY", "constfloat*": "LOGITS", "int64_t*": "OUT_NUMBER", "int32_t*": "OUT_BUFFER",
            "char*": "OUT_BUFFER", "void*": "USER_DATA", "chaku_destroy_callback": "DESTROY", "int32_t": "INTEGER",
            "int64_t": "INTEGER", "chaku_code": "INTEGER", "double": "NUMBER",
        }
        if self.type and self.kind.endswith("**"):
            return "OUT_HANDLE"
        if self.type and self.kind.endswith("*"):
            return "HANDLE"
        if self.kind.endswith("_callback") and self.kind != "chaku_destroy_callback":
            return "CALLBACK"
        if self.kind not in roles:
            fail(f"{function.name}: no role for `{self.kind} {self.name}`; give it one here and in tests/abi/misuse/")
        return roles[self.kind]

    def valid(self, function):
        given = VALID.get((function.name, self.name), VALID.get(self.name))
        if self.role == "INTEGER":
            if self.name.endswith("_len"):
                given = "-1"  # the text before it is NUL-terminated
            if self.name == "timeout_ms":
                given = "60000" if function.name.endswith("_close") else "0"
            return f".integer = {given if given and not given.startswith(chr(34)) else 0}"
        if self.role == "NUMBER":
            return ".number = 0.5"
        if self.role == "TEXT":
            if not given:
                fail(f"{function.name}: what is a valid text for `{self.name}`? Put it into VALID")
            return f".pointer = (void *){given}"
        if self.role == "CALLBACK":
            callback = {"chaku_event_callback": "ignore_event", "chaku_ready_callback": "ignore_ready",
                        "chaku_log_callback": "ignore_line", "chaku_tool_callback": "ignore_call"}
            if self.kind not in callback:
                fail(f"{function.name}: `{self.kind}` needs a function in tests/abi/misuse/calls.c")
            return f".function = (void (*)(void)){callback[self.kind]}"
        return ".integer = 0"

    def argument(self, index):
        members = {"INTEGER": "integer", "BYTES_LEN": "integer", "LOGITS_COUNT": "integer", "NUMBER": "number", "CALLBACK": "function", "DESTROY": "function"}
        value = f"v[{index}].{members.get(self.role, 'pointer')}"
        if self.role in ("CALLBACK", "DESTROY"):
            return f"({self.kind}){value}"
        return f"(int32_t){value}" if self.kind in ("int32_t", "chaku_code") else value


class Function:
    def __init__(self, header, comment, returns, name, parameters):
        self.header, self.name, self.comment = header, name, comment
        self.returns = returns.replace("CHAKU_NULLABLE", "").replace(" ", "")
        declared = [] if parameters.strip() == "void" else parameters.split(",")
        self.parameters = [Parameter(self, one) for one in declared]
        self.fallible = any(p.role == "OUT_ERROR" for p in self.parameters)
        self.callback_safe = "callback-safe" in self.entry("Thread class")
        self.misusable = any(p.role not in ("INTEGER", "BYTES_LEN", "LOGITS_COUNT", "NUMBER") for p in self.parameters)
        if "shared" not in self.entry("Thread class"):
            fail(f"{name}: the comment names no thread class")

    def entry(self, head):
        """The paragraph of the comment that begins with this, or with `- ` and this, without its head."""
        start = rf"^(?:- )?(?:`\w+`, )*{re.escape(head)}(?:, `\w+`)*: "
        end = r"(?=^- |^\s*$|^[A-Z][a-z]+(?: class)?: |^Returns |\Z)"
        found = re.search(f"{start}(.*?){end}", self.comment, re.MULTILINE | re.DOTALL)
        return squeeze(found.group(1)) if found else ""

    def returns_paragraph(self):
        found = re.search(r"^Returns (.*?)(?=^Errors:|^Thread class:|^\s*$|\Z)", self.comment, re.MULTILINE | re.DOTALL)
        return squeeze(found.group(1)) if found else ""

    def neutral(self):
        """What a function that cannot fail returns when there is nothing to tell: for a wrong handle, a NULL text."""
        if "*" in self.returns:
            text = self.entry("Returns")
            if "Empty, not NULL" in text:
                return '.pointer = (void *)""'
            if "NULL" not in text:
                fail(f"{self.name}: the comment does not say when NULL is returned")
            return ".pointer = NULL"
        text = self.returns_paragraph() or self.comment
        at = re.search(r"no live|unknown|past the last|cannot run", text)
        values = re.findall(r"CHAKU_[A-Z_]+|-?\b\d+\b", text[:at.start()] if at else "")
        if not values:
            fail(f"{self.name}: the comment does not say what is returned for a wrong argument")
        return f".{'number' if self.returns == 'double' else 'integer'} = {values[-1]}"

    def neutral_for_null(self):
        """The same when the handle is NULL, where that is not the same."""
        if any(p.role == "HANDLE" and "NULL does nothing" in p.comment for p in self.parameters):
            return ".integer = CHAKU_OK"
        found = re.search(r"(CHAKU_[A-Z_]+) for NULL", self.returns_paragraph())
        return f".integer = {found.group(1)}" if found else self.neutral()

    def reasons(self, seen=()):
        """The reasons that the comment names, its own and those of the functions it refers to."""
        text = self.entry("Errors")
        found = re.findall(r"`([a-z_0-9]+)`", text)
        for other in re.findall(r"(?:as|those of|see) (chaku_\w+)", text):
            if other in seen:
                continue
            found += self.header.function(other).reasons((*seen, self.name))
        names = {p.name for p in self.parameters}
        return sorted(set(found) - names)

    def codes(self):
        """The codes that stand for themselves: "the code of its end, for instance CANCELLED"."""
        return re.findall(r"\b([A-Z]{4,}(?:_[A-Z]+)*)\b", re.sub(r"CHAKU_\w+|NULL", "", self.returns_paragraph()))

    def table(self):
        name = self.name
        lines = []
        if self.parameters:
            lines.append(f"static const struct parameter parameters_of_{name}[] = {{")
            for p in self.parameters:
                source = SOURCES.get((name, p.name), "A_LIVE_ONE" if p.constant else "A_FRESH_ONE")
                kind = f"{p.type}_type" if p.type else "NO_TYPE"
                lines.append(
                    f'    {{.name = "{p.name}", .role = {p.role}, .type = {kind}, .nullable = {int(p.nullable)}, '
                    f".consumed = {int(p.consumed)}, .constant = {int(p.constant)}, .source = {source}, "
                    f".valid = {{{p.valid(self)}}}}},")
            lines.append("};")
        reasons = "".join(f'"{reason}", ' for reason in self.reasons())
        codes = "".join(f"CHAKU_{code}, " for code in self.codes())
        lines.append(f"static const char *const reasons_of_{name}[] = {{{reasons}NULL}};")
        lines.append(f"static const chaku_code codes_of_{name}[] = {{{codes}CHAKU_OK}};")
        call = f"{name}({', '.join(p.argument(i) for i, p in enumerate(self.parameters))})"
        member = "number" if self.returns == "double" else "pointer" if "*" in self.returns else "integer"
        cast = "(void *)" if "*" in self.returns else "(int64_t)" if self.returns == "uint64_t" else ""
        lines.append(f"static void call_{name}(const union value *v, union value *returned) {{")
        if not self.parameters:
            lines.append("    (void)v;")
        lines += [f"    returned->{member} = {cast}{call};", "}"]
        return "\n".join(lines)

    def kind(self):
        if self.fallible:
            return "AN_ERROR"
        plain = {"double": "A_NUMBER", "constchar*": "A_TEXT"}
        return plain.get(self.returns, "A_POINTER" if "*" in self.returns else "AN_INTEGER")

    def row(self):
        refuses = f'"{REFUSES[self.name]}"' if self.name in REFUSES else "NULL"
        for_children = bool(FOR_CHILDREN.fullmatch(self.name))
        plain = self.fallible or (for_children and not self.misusable)
        parameters = f"parameters_of_{self.name}" if self.parameters else "NULL"
        return (
            f'    {{.name = "{self.name}", .parameters = {parameters}, '
            f".count = {len(self.parameters)}, .returns = {self.kind()}, .callback_safe = {int(self.callback_safe)}, "
            f".misusable = {int(self.misusable)}, .changing = {int(self.name in CHANGING)}, "
            f".null_with_ok = {int('NULL with CHAKU_OK' in self.comment)}, .refuses = {refuses}, .for_children = {int(for_children)},\n"
            f"     .neutral = {{{'.integer = 0' if plain else self.neutral()}}}, "
            f".neutral_for_null = {{{'.integer = 0' if plain else self.neutral_for_null()}}}, "
            f".reasons = reasons_of_{self.name}, .codes = codes_of_{self.name}, .call = call_{self.name}}},")


class Header:
    def __init__(self, text):
        self.types = re.findall(r"^typedef struct (chaku_\w+) \1;", text, re.MULTILINE)
        self.functions = []
        pattern = r"^/\*\*\n((?: \*[^\n]*\n)+?) \*/\n([a-z][\w *]*?)(chaku_\w+)\(([^;{}]*?)\);"
        for comment, returns, name, parameters in re.findall(pattern, text, re.MULTILINE):
            if not returns.startswith("typedef"):
                comment = re.sub(r"^ \* ?", "", comment, flags=re.MULTILINE)
                self.functions.append(Function(self, comment, returns.strip(), name, parameters))

    def function(self, name):
        return next((f for f in self.functions if f.name == name), None) or fail(f"there is no function {name}")


def main():
    header = Header((ROOT / "include/chaku.h").read_text(encoding="utf-8"))
    symbols = (ROOT / "capi/abi/symbols.txt").read_text(encoding="utf-8").split()
    names = sorted(f.name for f in header.functions)
    if names != sorted(symbols):
        fail(f"seen in only one of header and symbols.txt: {' '.join(sorted(set(names) ^ set(symbols)))}")
    known = {(f.name, p.name) for f in header.functions for p in f.parameters}
    for gone in sorted(set(REFUSES) - set(names)):
        fail(f"there is no function {gone} any more")
    for gone in sorted({key for key in (*VALID, *SOURCES) if isinstance(key, tuple)} - known):
        fail(f"there is no parameter {gone} any more")
    for function in header.functions:
        handles = [p for p in function.parameters if p.role == "OUT_HANDLE"]
        numbers = [p for p in function.parameters if p.role == "OUT_NUMBER"]
        if len(handles) > 1 or len(numbers) > 1:
            fail(f"{function.name}: struct result holds one output of each kind")
    print("/* Written by tests/abi/generate_misuse.py. */")
    print('#include "misuse.h"\n')
    for function in header.functions:
        print(function.table())
    print("\nconst struct function functions[] = {")
    for function in header.functions:
        print(function.row())
    print("};\nconst int function_count = sizeof functions / sizeof *functions;")


main()
