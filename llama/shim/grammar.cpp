// Checks a GBNF grammar before llama.cpp builds a sampler from it.
//
// llama_grammar_parser::parse writes parse errors to stderr, and the grammar code has asserts and recursions that a grammar
// can reach. So the rules are parsed here by the parser's own functions, which throw, and then checked for what it does not
// check: see the table in src/lib.rs.
#include "guard.h"

#include "llama-grammar.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace {

// llama.cpp recurses over nested groups while it parses and over leftmost rule references while it looks for left
// recursion. A frame is a few hundred bytes; this stays far below the smallest thread stacks.
constexpr size_t MAX_DEPTH = 256;

// A token's name is tokenized, and that recurses too: see STACK_PER_BYTE in src/vocab.rs.
constexpr size_t MAX_TOKEN_NAME = 256;

const char * skip_space(const char * p) {
    while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n' || *p == '#') {
        if (*p == '#') {
            while (*p && *p != '\r' && *p != '\n') {
                p++;
            }
        } else {
            p++;
        }
    }
    return p;
}

// A repetition {m,n} with n below m: the parser counts from m up to n, past the largest number.
void check_repetition(const char * p) {
    char * end = nullptr;
    const unsigned long long least = std::strtoull(skip_space(p + 1), &end, 10);
    end = const_cast<char *>(skip_space(end));
    if (*end != ',') {
        return;
    }
    const char * second = skip_space(end + 1);
    if (*second >= '0' && *second <= '9' && std::strtoull(second, nullptr, 10) < least) {
        throw std::runtime_error("a repetition ends below its beginning at " + std::string(p, strnlen(p, 40)));
    }
}

// What the parser would not come back from, before it meets it: groups nested in each other and long names of tokens, which
// take too much stack, and repetitions. Sees only what the parser takes for one.
void check_text(const char * p) {
    size_t depth = 0;
    for (; *p; p++) {
        if (*p == '#') {
            while (p[1] && p[1] != '\r' && p[1] != '\n') {
                p++;
            }
        } else if (*p == '<') {
            const char * start = p;
            while (p[1] && *p != '>') {
                p++;
            }
            if (p - start > static_cast<ptrdiff_t>(MAX_TOKEN_NAME)) {
                throw std::runtime_error("the name of a token is longer than " + std::to_string(MAX_TOKEN_NAME) + " bytes");
            }
        } else if (*p == '"' || *p == '[') {
            const char end = *p == '"' ? '"' : ']';
            for (p++; *p && *p != end; p++) {
                if (*p == '\\' && p[1]) {
                    p++;
                }
            }
            if (!*p) {
                return; // not closed: the parser says so
            }
        } else if (*p == '{') {
            check_repetition(p);
        } else if (*p == '(' && ++depth > MAX_DEPTH) {
            throw std::runtime_error("groups are nested more than " + std::to_string(MAX_DEPTH) + " deep");
        } else if (*p == ')' && depth > 0) {
            depth--;
        }
    }
}

class checker {
public:
    explicit checker(const llama_grammar_parser & parser) : rules(parser.rules), names(parser.rules.size()) {
        for (const auto & entry : parser.symbol_ids) {
            if (entry.second >= rules.size() || rules[entry.second].empty()) {
                throw std::runtime_error("undefined rule '" + entry.first + "'");
            }
            names[entry.second] = entry.first;
        }
    }

    // Left recursion with transitively empty rules in mind, which llama.cpp's own check misses: such a grammar leaves no
    // stack, and an empty set of stacks is an assert.
    void check_recursion() {
        find_empty();
        state.assign(rules.size(), state_t::unseen);
        height.assign(rules.size(), 0);
        for (size_t rule = 0; rule < rules.size(); rule++) {
            descend(rule, 0);
        }
    }

private:
    enum class state_t : char { unseen, open, done };

    const llama_grammar_rules & rules;
    std::vector<std::string>    names;
    std::vector<bool>           can_be_empty;
    std::vector<state_t>        state;
    std::vector<size_t>         height; // of the tree of leftmost references below a finished rule

    static bool ends(const llama_grammar_element & e) { return e.type == LLAMA_GRETYPE_END || e.type == LLAMA_GRETYPE_ALT; }

    void find_empty() {
        can_be_empty.assign(rules.size(), false);
        for (bool changed = true; changed;) {
            changed = false;
            for (size_t rule = 0; rule < rules.size(); rule++) {
                bool empty = true;
                for (const auto & e : rules[rule]) {
                    if (ends(e)) {
                        if (empty && !can_be_empty[rule]) {
                            can_be_empty[rule] = changed = true;
                        }
                        empty = true;
                    } else if (e.type != LLAMA_GRETYPE_RULE_REF || !can_be_empty[e.value]) {
                        empty = false;
                    }
                }
            }
        }
    }

    size_t descend(size_t rule, size_t depth) {
        if (state[rule] == state_t::open) {
            throw std::runtime_error("left recursion in rule '" + names[rule] + "'");
        }
        if (state[rule] == state_t::unseen) {
            if (depth > MAX_DEPTH) {
                throw too_deep();
            }
            state[rule]   = state_t::open;
            bool leftmost = true;
            for (const auto & e : rules[rule]) {
                if (ends(e)) {
                    leftmost = true;
                } else if (leftmost && e.type == LLAMA_GRETYPE_RULE_REF) {
                    height[rule] = std::max(height[rule], 1 + descend(e.value, depth + 1));
                    leftmost     = can_be_empty[e.value];
                } else {
                    leftmost = false;
                }
            }
            state[rule] = state_t::done;
        }
        if (depth + height[rule] > MAX_DEPTH) {
            throw too_deep();
        }
        return height[rule];
    }

    static std::runtime_error too_deep() {
        return std::runtime_error("rules begin with other rules more than " + std::to_string(MAX_DEPTH) + " deep");
    }
};

void check(const llama_vocab * vocab, const char * grammar) {
    check_text(grammar);
    llama_grammar_parser parser(vocab);
    for (const char * p = skip_space(grammar); *p;) {
        p = parser.parse_rule(p);
    }
    if (parser.symbol_ids.find("root") == parser.symbol_ids.end()) {
        throw std::runtime_error("there is no rule 'root'");
    }
    checker(parser).check_recursion();
}

} // namespace

int32_t chaku_llama_grammar_check(const llama_vocab * vocab, const char * grammar, chaku_llama_text * error) {
    const int32_t status = chaku::guard(error, [&] {
        check(vocab, grammar);
        return CHAKU_LLAMA_OK;
    });
    return status == CHAKU_LLAMA_THREW ? CHAKU_LLAMA_REFUSED : status;
}
