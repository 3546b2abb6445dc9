// Bounds what a chat template may take. A template is a program: it can loop and recurse, and make values of any size.
//
// llama.cpp's template engine has no limits, but its syntax trees are open: every node that computes something is replaced by
// one that does the same and keeps count (`metered`). The parser is met by the linker: --wrap, where __cxa_atexit is wrapped
// too (backend.cpp). Without that option templates are as unbounded as llama.cpp's own.
//
// What is counted, while a template_limits lives on this thread:
// - time: the caller's `stop` is asked every few hundred nodes;
// - memory: the size of every value that is made, never given back; for what one call can blow up, before the call;
// - stack: how far the frames of nodes have come.
//
// And the engine walks through lists and objects recursively, to print, compare and free them: how deep and how large they
// are, with what they share counted as often as it is met, is looked at wherever they go through a node. None contains itself.
#include "template_limits.h"

#include "jinja/parser.h"
#include "jinja/runtime.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace chaku {

namespace {

using namespace jinja;

// Nested brackets, blocks and operators. The parser, the nodes and their destructors recurse over them.
constexpr size_t MAX_NESTING = 500;
// A chain of operators makes a tree as deep as it is long, and so do the elses of a condition.
constexpr size_t MAX_CHAIN = 5000;
// The templates in use have at most some ten thousand.
constexpr size_t MAX_TOKENS = 200000;
// Lists and objects in each other, and the bytes of one when it is printed.
constexpr uint32_t MAX_DEPTH = 500;
constexpr uint64_t MAX_PRINTED = 64 << 20;
// Text that a template makes for each byte it is given: it copies its result at each level of its blocks, and some templates
// build it by appending message after message.
constexpr uint64_t BYTES_PER_INPUT_BYTE = 4096;
constexpr uint32_t STEPS_BETWEEN_STOPS = 256;

// What is known of a list or object.
struct container {
    value    kept; // so that no other takes its address
    uint64_t printed;
    uint32_t depth;
    uint64_t epoch; // when it was looked at; what was put into others since then may have changed it
};

struct meter_state {
    chaku_llama_template_limits limits;
    uint64_t                    bytes;
    uint64_t                    epoch;
    uint32_t                    steps;
    uintptr_t                   stack;    // where the call began
    const char *                exceeded; // the first limit that was

    std::unordered_map<const value_t *, container> containers;
};

thread_local meter_state * meter = nullptr;

[[noreturn]] void exceeded(const char * what) {
    if (meter && !meter->exceeded) {
        meter->exceeded = what;
    }
    throw std::runtime_error(std::string("the template ") + what);
}

void take(uint64_t bytes) {
    if (!meter) {
        return;
    }
    if (bytes > meter->bytes) {
        meter->bytes = 0;
        exceeded("makes more text or values than it may");
    }
    meter->bytes -= bytes;
}

void tick() {
    if (!meter) {
        return;
    }
    // The frame's own address: a local may lie elsewhere, under AddressSanitizer.
    const uintptr_t began = meter->stack, now = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    if ((began > now ? began - now : now - began) > meter->limits.stack) {
        exceeded("recurses too deeply");
    }
    if (++meter->steps % STEPS_BETWEEN_STOPS == 0 && meter->limits.stop(meter->limits.user_data)) {
        exceeded("was stopped");
    }
}

uint64_t times(uint64_t a, uint64_t b) {
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

uint64_t plus(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t size_of(const jinja::string & text) {
    uint64_t size = sizeof(text);
    for (const auto & part : text.parts) {
        size += sizeof(part) + part.val.size();
    }
    return size;
}

bool is_container(const value & v) {
    return is_val<value_array>(v) || is_val<value_object>(v);
}

template <typename Do> void each_child(const value & v, Do && act) {
    for (const auto & child : v->val_arr) {
        act(child);
    }
    for (const auto & pair : v->val_obj) {
        act(pair.first);
        act(pair.second);
    }
}

const container * known_container(const value & v) {
    const auto at = meter->containers.find(v.get());
    return at != meter->containers.end() && at->second.epoch == meter->epoch ? &at->second : nullptr;
}

// Children first; without recursion, for this is what finds out whether recursion is safe.
void look_at(const value & root) {
    std::vector<value> open = { root };
    while (!open.empty()) {
        const value v = open.back();
        bool ready = true;
        each_child(v, [&](const value & child) {
            if (is_container(child) && !known_container(child)) {
                open.push_back(child);
                ready = false;
            }
        });
        tick();
        if (open.size() > MAX_TOKENS) {
            exceeded("makes lists or objects that are too large");
        }
        if (!ready) {
            continue;
        }
        open.pop_back();
        uint64_t printed = 0;
        uint32_t depth   = 0;
        each_child(v, [&](const value & child) {
            const container * inner = is_container(child) ? known_container(child) : nullptr;
            printed = plus(printed, inner ? inner->printed : plus(16, child->val_str.length()));
            depth   = std::max(depth, inner ? inner->depth : 0);
        });
        meter->containers[v.get()] = { v, plus(printed, 16), depth + 1, meter->epoch };
        if (depth + 1 > MAX_DEPTH) {
            exceeded("nests lists or objects too deeply");
        }
        if (printed > MAX_PRINTED) {
            exceeded("makes lists or objects that are too large");
        }
    }
}

uint64_t printed_size(const value & v) {
    if (!is_container(v)) {
        return v->val_str.length();
    }
    if (!known_container(v)) {
        look_at(v);
    }
    return known_container(v)->printed;
}

bool contains(const value & outer, const value & wanted) {
    std::unordered_set<const value_t *> seen;
    std::vector<value> open = { outer };
    while (!open.empty()) {
        const value v = open.back();
        open.pop_back();
        if (v == wanted) {
            return true;
        }
        tick();
        each_child(v, [&](const value & child) {
            if (is_container(child) && seen.insert(child.get()).second) {
                open.push_back(child);
            }
        });
    }
    return false;
}

// Before `inner` becomes a part of `outer`.
void check_put(const value & outer, const value & inner) {
    if (!is_container(inner)) {
        return;
    }
    if (contains(inner, outer)) {
        exceeded("puts a list or object into itself");
    }
    meter->epoch++;
}

value charge(value made) {
    if (!meter || !made) {
        return made;
    }
    take(size_of(made->val_str) + sizeof(value) * (made->val_arr.size() + 2 * made->val_obj.size()));
    if (is_container(made)) {
        printed_size(made);
    }
    return made;
}

uint64_t length_of(const value & v) {
    return is_val<value_string>(v) ? v->val_str.length() : 0;
}

uint64_t positive(int64_t n) {
    return n > 0 ? static_cast<uint64_t>(n) : 0;
}

// The positional or named arguments behind the input; numbers that are none count as 0.
std::vector<value> arguments(const func_args & args) {
    std::vector<value> result;
    for (const auto & arg : args.get_args()) {
        result.push_back(is_val<value_kwarg>(arg) ? cast_val<value_kwarg>(arg)->val : arg);
    }
    return result;
}

uint64_t size_of_range(const std::vector<value> & args) {
    int64_t numbers[3] = { 0, 0, 1 };
    for (size_t i = 0; i < std::min<size_t>(args.size(), 3); i++) {
        if (!is_val<value_int>(args[i])) {
            return 0; // it says so itself
        }
        numbers[args.size() == 1 ? 1 : i] = args[i]->as_int();
    }
    const auto [start, stop, step] = numbers;
    // Counted as doubles: no overflow, and more exact than needed. Near the ends of the integers the engine's own counter
    // would wrap and never arrive.
    const double count = step == 0 ? 0 : (static_cast<double>(stop) - static_cast<double>(start)) / static_cast<double>(step);
    const uint64_t size = sizeof(value_int_t) + sizeof(value) + 32;
    const bool     wraps = step != 0 && (stop > INT64_MAX - 1024 * 1024 || stop < INT64_MIN + 1024 * 1024 || step > INT64_MAX / 4 || step < INT64_MIN / 4);
    return wraps || count > 1e15 ? UINT64_MAX : count > 0 ? times(size, static_cast<uint64_t>(count) + 1) : 0;
}

// What a builtin function makes that can be far larger than what it is given, at most.
uint64_t size_made_by(const std::string & name, const func_args & given) {
    const auto args = arguments(given);
    if (name == "range") {
        return size_of_range(args);
    }
    if (args.empty()) {
        return 0;
    }
    const uint64_t input = length_of(args[0]);
    if (name == "replace" && args.size() > 2) {
        const uint64_t old = length_of(args[1]);
        return plus(input, times(old == 0 ? input + 1 : input / old, length_of(args[2])));
    }
    if (name == "join" && args.size() > 1 && is_val<value_array>(args[0])) {
        uint64_t longest = 0;
        for (size_t i = 1; i < args.size(); i++) {
            longest = std::max(longest, length_of(args[i]));
        }
        return times(args[0]->val_arr.size(), longest);
    }
    if (name == "split" || name == "rsplit") {
        return times(input, sizeof(value_string_t) + sizeof(string_part) + 64);
    }
    if (name == "append" && args.size() > 1) {
        check_put(args[0], args[1]);
    }
    if (name == "indent" || name == "tojson") {
        uint64_t widest = 0;
        for (size_t i = 1; i < args.size(); i++) {
            widest = std::max(widest, is_val<value_int>(args[i]) ? positive(args[i]->as_int()) : length_of(args[i]));
        }
        if (widest > 1024) {
            exceeded("indents by more than 1024");
        }
        if (name == "tojson") {
            // At worst everything is as deep as the deepest.
            const container * nested = is_container(args[0]) ? known_container(args[0]) : nullptr;
            return times(printed_size(args[0]), plus(2, times(widest, nested ? nested->depth : 0) / 16));
        }
        const std::string text = args[0]->val_str.str();
        return plus(input, times(static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n')) + 1, widest));
    }
    return 0;
}

// A builtin that is fetched to be called: what it makes is counted before it makes it.
value checked(value v) {
    if (meter && v && is_val<value_func>(v) && v.use_count() == 1) {
        const std::string name = cast_val<value_func>(v)->name;
        v->val_func = [name, call = std::move(v->val_func)](const func_args & args) {
            take(size_made_by(name, args));
            return charge(call(args));
        };
    }
    return v;
}

// A value that was computed already, in the place of the expression that gave it.
struct constant : expression {
    value made;
    explicit constant(value v) : made(std::move(v)) {}
    value execute_impl(context &) const override { return made; }
};

statement_ptr known(value v) {
    return std::make_unique<constant>(std::move(v));
}

value apply_filter(const statement_ptr & filter, value input, context & ctx) {
    func_args   args(ctx);
    std::string name;
    statements  known_args;
    args.push_back(input);
    const auto * call = cast_stmt<call_expression>(filter);
    if (const auto * id = cast_stmt<identifier>(call ? call->callee : filter)) {
        name = id->val;
    }
    for (size_t i = 0; call && i < call->args.size(); i++) {
        value arg = call->args[i]->execute(ctx);
        args.push_back(arg);
        known_args.push_back(known(std::move(arg)));
    }
    take(size_made_by(name, args));
    statement_ptr known_filter = std::make_unique<identifier>(name);
    if (call) {
        known_filter = std::make_unique<call_expression>(std::move(known_filter), std::move(known_args));
    }
    return filter_expression(known(std::move(input)), std::move(known_filter)).execute_impl(ctx);
}

template <typename Node> value run(const Node & node, context & ctx) {
    return node.Node::execute_impl(ctx);
}

template <> value run(const identifier & node, context & ctx) {
    return checked(node.identifier::execute_impl(ctx));
}

template <> value run(const member_expression & node, context & ctx) {
    return checked(node.member_expression::execute_impl(ctx));
}

template <> value run(const binary_expression & node, context & ctx) {
    if (!meter || node.op.value != "*") {
        return node.binary_expression::execute_impl(ctx);
    }
    value left = node.left->execute(ctx), right = node.right->execute(ctx);
    const value & text = is_val<value_string>(left) ? left : right, & number = is_val<value_int>(left) ? left : right;
    if (is_val<value_string>(text) && is_val<value_int>(number)) {
        take(times(size_of(text->val_str), positive(number->as_int())));
    }
    return binary_expression(node.op, known(std::move(left)), known(std::move(right))).execute_impl(ctx);
}

template <> value run(const filter_expression & node, context & ctx) {
    return meter ? apply_filter(node.filter, node.operand->execute(ctx), ctx) : node.filter_expression::execute_impl(ctx);
}

template <> value run(const filter_statement & node, context & ctx) {
    if (!meter) {
        return node.filter_statement::execute_impl(ctx);
    }
    auto parts = mk_val<value_array>();
    for (const auto & statement : node.body) {
        parts->push_back(statement->execute(ctx));
    }
    return apply_filter(node.filter, runtime::gather_string_parts(parts), ctx);
}

template <> value run(const set_statement & node, context & ctx) {
    const auto * member = cast_stmt<member_expression>(node.assignee);
    const auto * name   = member && !member->computed ? cast_stmt<identifier>(member->property) : nullptr;
    if (!meter || !name || !node.val) {
        return node.set_statement::execute_impl(ctx);
    }
    value made = node.val->execute(ctx), object = member->object->execute(ctx);
    check_put(object, made);
    auto place = std::make_unique<member_expression>(known(std::move(object)), std::make_unique<identifier>(name->val), false);
    return set_statement(std::move(place), known(std::move(made)), {}).execute_impl(ctx);
}

template <typename Node> struct metered : Node {
    explicit metered(Node && node) : Node(std::move(node)) {}
    value execute_impl(context & ctx) const override {
        tick();
        return charge(run<Node>(*this, ctx));
    }
};

void meter_all(statements & nodes, size_t depth);

template <typename Node> Node * as(statement_ptr & node) {
    return dynamic_cast<Node *>(node.get());
}

// Replaces a node by its metered twin, when it is a `Node`, after `children` were done.
template <typename Node, typename Children> bool meter_as(statement_ptr & slot, Children && children) {
    Node * node = as<Node>(slot);
    if (!node) {
        return false;
    }
    children(*node);
    const size_t pos = node->pos;
    slot = std::make_unique<metered<Node>>(std::move(*node));
    slot->pos = pos;
    return true;
}

// What the engine asks for by its type, and never runs, keeps its place: names, slices, the call behind a filter.
void meter_node(statement_ptr & slot, size_t depth) {
    if (!slot) {
        return;
    }
    if (depth > MAX_CHAIN) {
        exceeded("has an expression of too many parts");
    }
    const auto one = [&](statement_ptr & child) { meter_node(child, depth + 1); };
    const auto all = [&](statements & children) { meter_all(children, depth + 1); };
    const auto arguments_of = [&](statement_ptr & call) {
        if (auto * node = as<call_expression>(call)) {
            all(node->args);
        }
    };
    if (auto * slice = as<slice_expression>(slot)) {
        one(slice->start_expr), one(slice->stop_expr), one(slice->step_expr);
        return;
    }
    meter_as<if_statement>(slot, [&](auto & n) { one(n.test), all(n.body), all(n.alternate); }) ||
        meter_as<for_statement>(slot, [&](auto & n) { one(n.iterable), all(n.body), all(n.default_block); }) ||
        meter_as<set_statement>(slot, [&](auto & n) { one(n.assignee), one(n.val), all(n.body); }) ||
        meter_as<macro_statement>(slot, [&](auto & n) { all(n.args), all(n.body); }) ||
        meter_as<call_statement>(slot, [&](auto & n) { one(n.call), all(n.caller_args), all(n.body); }) ||
        meter_as<filter_statement>(slot, [&](auto & n) { arguments_of(n.filter), all(n.body); }) ||
        meter_as<filter_expression>(slot, [&](auto & n) { one(n.operand), arguments_of(n.filter); }) ||
        meter_as<test_expression>(slot, [&](auto & n) { one(n.operand), arguments_of(n.test); }) ||
        meter_as<member_expression>(slot, [&](auto & n) { one(n.object); if (n.computed) one(n.property); }) ||
        meter_as<call_expression>(slot, [&](auto & n) { one(n.callee), all(n.args); }) ||
        meter_as<identifier>(slot, [](auto &) {}) ||
        meter_as<array_literal>(slot, [&](auto & n) { all(n.val); }) ||
        meter_as<tuple_literal>(slot, [&](auto & n) { all(n.val); }) ||
        meter_as<object_literal>(slot, [&](auto & n) { for (auto & pair : n.val) one(pair.first), one(pair.second); }) ||
        meter_as<binary_expression>(slot, [&](auto & n) { one(n.left), one(n.right); }) ||
        meter_as<select_expression>(slot, [&](auto & n) { one(n.lhs), one(n.test); }) ||
        meter_as<unary_expression>(slot, [&](auto & n) { one(n.argument); }) ||
        meter_as<keyword_argument_expression>(slot, [&](auto & n) { one(n.val); }) ||
        meter_as<ternary_expression>(slot, [&](auto & n) { one(n.condition), one(n.true_expr), one(n.false_expr); });
}

void meter_all(statements & nodes, size_t depth) {
    for (auto & node : nodes) {
        meter_node(node, depth);
    }
}

bool is_block(const std::vector<token> & tokens, size_t at, const std::string & name) {
    if (name != "set") {
        return name == "if" || name == "for" || name == "macro" || name == "call" || name == "filter" || name == "generation";
    }
    while (at < tokens.size() && tokens[at].t != token::close_statement) {
        if (tokens[at++].t == token::equals) {
            return false;
        }
    }
    return true;
}

// The parser recurses over brackets and blocks, and over some chains of operators: bounds both before it runs.
void check_nesting(const std::vector<token> & tokens) {
    if (tokens.size() > MAX_TOKENS) {
        exceeded("is too long");
    }
    size_t depth = 0, chain = 0;
    std::vector<size_t> blocks; // how much each open block adds: one, and one for each elif
    for (size_t i = 0; i < tokens.size(); i++) {
        switch (tokens[i].t) {
            case token::open_paren: case token::open_square_bracket: case token::open_curly_bracket:
                depth++;
                break;
            case token::close_paren: case token::close_square_bracket: case token::close_curly_bracket:
                depth -= depth > 0;
                break;
            case token::open_expression: case token::open_statement:
                chain = 0;
                if (tokens[i].t == token::open_statement && i + 1 < tokens.size()) {
                    const std::string & name = tokens[i + 1].value;
                    if (name.rfind("end", 0) == 0 && !blocks.empty()) {
                        depth -= std::min(depth, blocks.back());
                        blocks.pop_back();
                    } else if (name == "elif" && !blocks.empty()) {
                        blocks.back()++, depth++;
                    } else if (is_block(tokens, i + 1, name)) {
                        blocks.push_back(1), depth++;
                    }
                }
                break;
            default:
                break;
        }
        if (depth > MAX_NESTING) {
            exceeded("nests brackets or blocks too deeply");
        }
        if (++chain > MAX_CHAIN) {
            exceeded("has an expression of too many parts");
        }
    }
}

} // namespace

template_limits::template_limits(const chaku_llama_template_limits & limits, size_t input) {
    const uint64_t bytes = plus(limits.bytes, times(input, BYTES_PER_INPUT_BYTE));
    meter = new meter_state{ limits, bytes, 0, 0, reinterpret_cast<uintptr_t>(__builtin_frame_address(0)), nullptr, {} };
}

template_limits::~template_limits() {
    delete meter;
    meter = nullptr;
}

void template_limits::check() const {
    if (meter->exceeded) {
        exceeded(meter->exceeded);
    }
}

// The linker sends every call of jinja::parse_from_tokens to the first, and the second to it.
#define PARSE "_ZN5jinja17parse_from_tokensERKNS_12lexer_resultE"
program wrapped_parse(const lexer_result & tokens) __asm__("__wrap_" PARSE);
// Weak: without --wrap there is none, and nobody calls the first.
__attribute__((weak)) program real_parse(const lexer_result & tokens) __asm__("__real_" PARSE);

program wrapped_parse(const lexer_result & lexed) {
    if (!meter) {
        return real_parse(lexed);
    }
    check_nesting(lexed.tokens);
    program parsed = real_parse(lexed);
    meter_all(parsed.body, 0);
    return parsed;
}

} // namespace chaku
