// Chat templates through common/chat: the same code as llama.app, hence the same prompts.
#include "guard.h"
#include "template_limits.h"

#include "chat.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>
#include <random>

struct chaku_llama_templates {
    common_chat_templates_ptr templates;
};

int32_t chaku_llama_templates_new(const llama_model * model, const char * override_text, size_t override_len,
                                  const chaku_llama_template_limits * limits, chaku_llama_templates ** out,
                                  chaku_llama_text * error) {
    *out = nullptr;
    return chaku::guard(error, [&] {
        const chaku::template_limits bounds(*limits, 0); // it is tried out on short messages
        const std::string chosen = override_text ? std::string(override_text, override_len) : std::string();
        auto result = std::make_unique<chaku_llama_templates>();
        try {
            result->templates = common_chat_templates_init(model, chosen);
        } catch (const std::exception &) {
            // It rethrows a sliced copy that has lost its words: parse the template once more to hear them.
            const char * text = chosen.empty() ? llama_model_chat_template(model, nullptr) : chosen.c_str();
            common_chat_template(text ? text : "", "", "");
            throw;
        }
        bounds.check();
        *out = result.release();
        return CHAKU_LLAMA_OK;
    });
}

void chaku_llama_templates_free(chaku_llama_templates * templates) {
    delete templates;
}

int32_t chaku_llama_templates_source(const chaku_llama_templates * templates, chaku_llama_text * out,
                                     chaku_llama_text * error) {
    *out = { nullptr, 0 };
    return chaku::guard(error, [&] {
        chaku::set_text(out, common_chat_templates_source(templates->templates.get()));
        return CHAKU_LLAMA_OK;
    });
}

bool chaku_llama_templates_was_explicit(const chaku_llama_templates * templates) {
    return common_chat_templates_was_explicit(templates->templates.get());
}

bool chaku_llama_templates_know_tools(const chaku_llama_templates * templates) {
    const auto caps = common_chat_templates_get_caps(templates->templates.get());
    const auto calls = caps.find("supports_tool_calls"), tools = caps.find("supports_tools");
    return calls != caps.end() && calls->second && tools != caps.end() && tools->second;
}

namespace {

common_chat_templates_inputs inputs_of(const common_json & ask) {
    common_chat_templates_inputs inputs;
    inputs.use_jinja             = true;
    inputs.add_generation_prompt = ask.value("add_generation_prompt", false);
    inputs.messages              = common_chat_msgs_parse_oaicompat(ask.at("messages"));
    if (ask.value("continue_final_message", false)) {
        inputs.continue_final_message = COMMON_CHAT_CONTINUATION_AUTO;
    }
    if (ask.contains("tools")) {
        inputs.tools               = common_chat_tools_parse_oaicompat(ask.at("tools"));
        inputs.tool_choice         = common_chat_tool_choice_parse_oaicompat(ask.at("tool_choice"));
        inputs.parallel_tool_calls = ask.value("parallel_tool_calls", false);
    }
    inputs.reasoning_format = common_reasoning_format_from_name(ask.value("reasoning_format", "none"));
    inputs.enable_thinking  = ask.value("enable_thinking", true);
    if (ask.contains("template_kwargs")) {
        for (const auto & [key, value] : ask.at("template_kwargs").items()) {
            inputs.chat_template_kwargs[key] = value.dump();
        }
    }
    return inputs;
}

// Whether the prompt ends inside the model's thinking.
bool begins_thinking(const common_chat_params & params) {
    const auto & prompt = params.generation_prompt;
    const auto & ends   = params.thinking_end_tags;
    if (params.thinking_start_tag.empty()) {
        return !ends.empty(); // all is thinking until it says that it ends
    }
    const auto start = prompt.rfind(params.thinking_start_tag);
    if (start == std::string::npos) {
        return false;
    }
    return std::none_of(ends.begin(), ends.end(), [&](const auto & end) { return prompt.find(end, start) != std::string::npos; });
}

// Whether the answer is inside the model's thinking when it begins, may begin with it, or has none.
const char * thinking_of(const common_chat_templates_inputs & inputs, const common_chat_params & params) {
    if (begins_thinking(params)) {
        return "begun";
    }
    const auto & start = params.thinking_start_tag;
    const bool   over  = params.generation_prompt.find(start) != std::string::npos;
    return inputs.enable_thinking && !start.empty() && !over ? "possible" : "none";
}

// What stands between the end of the thinking and the content: of the template's way to write an answer that is to be continued.
std::string lead_of(const common_chat_templates * templates, common_chat_templates_inputs inputs, const common_chat_params & params) {
    static const char thought[] = "one thought", content[] = "some content";
    common_chat_msg answer;
    answer.role              = "assistant";
    answer.reasoning_content = thought;
    answer.content           = content;
    if (inputs.continue_final_message == COMMON_CHAT_CONTINUATION_NONE) {
        inputs.messages.push_back(answer);
    } else {
        inputs.messages.back() = answer;
    }
    inputs.add_generation_prompt  = false;
    inputs.continue_final_message = COMMON_CHAT_CONTINUATION_CONTENT;
    const auto prompt = common_chat_templates_apply(templates, inputs).generation_prompt;
    const auto after  = prompt.rfind(thought);
    const auto until  = prompt.rfind(content);
    if (after == std::string::npos || until == std::string::npos) {
        return {};
    }
    for (const auto & end : params.thinking_end_tags) {
        const auto at = prompt.find(end, after);
        if (at != std::string::npos && at + end.size() <= until) {
            return prompt.substr(at + end.size(), until - at - end.size());
        }
    }
    return {};
}

void replace(std::string & text, const std::string & from, const std::string & to) {
    const auto at = text.find(from);
    if (at != std::string::npos) {
        text.replace(at, from.size(), to);
    }
}

// Behind the text or class in a grammar that begins at `at`.
size_t end_of_quoted(const std::string & text, size_t at) {
    const char end = text[at] == '"' ? '"' : ']';
    for (at++; at < text.size() && text[at] != end; at++) {
        at += text[at] == '\\' ? 1 : 0;
    }
    return at + 1;
}

// Behind the symbol, text, class or group in a grammar that begins at `at`, and behind what says how often it comes.
size_t end_of_item(const std::string & text, size_t at) {
    int depth = 0;
    do {
        if (text[at] == '"' || text[at] == '[') {
            at = end_of_quoted(text, at);
            continue;
        }
        depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
        at++;
    } while (at < text.size() && (depth > 0 || text[at] != ' '));
    return std::min(at, text.size());
}

// A rule of things that may all be left out: from now on the first may not.
void require(std::string & grammar, const std::string & rule) {
    const auto head  = rule + " ::= ";
    const auto start = ("\n" + grammar).find("\n" + head);
    if (start == std::string::npos) {
        return;
    }
    const auto begin = start + head.size(), end = std::min(grammar.find('\n', begin), grammar.size());
    const auto body  = grammar.substr(begin, end - begin);
    size_t     first = 0;
    for (size_t at = 0; at < body.size();) {
        const auto behind = end_of_item(body, at);
        if (body[behind - 1] != '?' && body[behind - 1] != '*') {
            return; // an alternative has its stroke here
        }
        first = first == 0 ? behind : first;
        at    = behind + 1;
    }
    if (first == 0) {
        return;
    }
    if (body[first - 1] == '?') {
        grammar.erase(begin + first - 1, 1);
    } else {
        grammar[begin + first - 1] = '+';
    }
}

// Takes away the free text that may come before the calls.
void forbid_text(std::string & grammar) {
    const auto root = ("\n" + grammar).find("\nroot ::= ");
    if (root == std::string::npos) {
        return;
    }
    const auto end   = std::min(grammar.find('\n', root), grammar.size());
    const auto calls = grammar.rfind("? tool-call", end);
    const auto text  = calls == std::string::npos ? calls : grammar.rfind(" until-", calls);
    if (text == std::string::npos || text < root) {
        return;
    }
    const auto number = text + std::strlen(" until-");
    if (std::all_of(grammar.begin() + number, grammar.begin() + calls, [](unsigned char c) { return std::isdigit(c); })) {
        grammar.erase(text, calls + 1 - text);
    }
}

// The grammar of calls and nothing else. The one that common_chat has for a required call lets free text come first, and a small
// model never comes to an end of that. So it is the one for a possible call, which begins where a call does; with three things put
// right in it: it also takes nothing for a call, for ever or at once, and any number of calls where only one is asked for. Empty: the
// template's answers have no mark that a call begins with. `parser` becomes the one of that grammar's answers.
std::string grammar_of_calls(const common_chat_templates * templates, common_chat_templates_inputs inputs,
                             const common_chat_params & params, std::string & parser) {
    const bool required = inputs.tool_choice == COMMON_CHAT_TOOL_CHOICE_REQUIRED;
    inputs.tool_choice  = COMMON_CHAT_TOOL_CHOICE_AUTO;
    const auto waiting  = params.grammar_lazy ? params : common_chat_templates_apply(templates, inputs);
    if (!waiting.grammar_lazy) {
        return {};
    }
    parser       = waiting.parser;
    auto grammar = waiting.grammar;
    replace(grammar, "\ntool-calls ::= (tool-call? space)+\n", "\ntool-calls ::= (tool-call space)+\n");
    if (!inputs.parallel_tool_calls) {
        replace(grammar, "\nroot ::= tool-call | tool-calls\n", "\nroot ::= tool-call\n");
    }
    if (required) {
        require(grammar, "tool-call");
        require(grammar, "tool-call-root");
    }
    return grammar;
}

// What the answer is to be read and held to, for chaku_llama_answer_new and chaku_llama_sampler_new. Empty: plain text.
std::string format_of(const common_chat_templates * templates, const common_chat_templates_inputs & inputs,
                      const common_chat_params & params, bool is_constrained) {
    const bool calls = !inputs.tools.empty() && inputs.tool_choice != COMMON_CHAT_TOOL_CHOICE_NONE;
    const bool apart  = params.supports_thinking && inputs.reasoning_format != COMMON_REASONING_FORMAT_NONE;
    // Thinking that is not told apart is a part of the text, with what the prompt has of it; unless that has to be something else.
    const bool thinks = apart || (params.supports_thinking && !is_constrained);
    if (!calls && !thinks) {
        return {};
    }
    common_json format = common_json::object();
    format["format"]            = static_cast<int64_t>(params.format);
    format["parser"]            = params.parser;
    format["generation_prompt"] = params.generation_prompt;
    format["reasoning_format"]  = std::string(common_reasoning_format_name(inputs.reasoning_format));
    format["calls"]             = calls;
    format["preserved"]         = common_json::array();
    for (const auto & token : params.preserved_tokens) {
        format["preserved"].push_back(token);
    }
    format["grammar"]  = params.grammar;
    format["lazy"]     = params.grammar_lazy;
    format["begun"]    = !params.grammar_lazy;
    format["triggers"] = common_json::array();
    for (const auto & trigger : params.grammar_triggers) {
        common_json entry = common_json::object();
        entry["type"]  = static_cast<int64_t>(trigger.type);
        entry["value"] = trigger.value;
        format["triggers"].push_back(entry);
    }
    format["think_start"] = thinks ? params.thinking_start_tag : std::string();
    format["think_ends"]  = common_json::array();
    for (const auto & end : params.thinking_end_tags) {
        format["think_ends"].push_back(end);
    }
    format["continues"] = inputs.continue_final_message != COMMON_CHAT_CONTINUATION_NONE;
    format["shown"]     = apart || inputs.continue_final_message != COMMON_CHAT_CONTINUATION_NONE;
    format["thinking"]  = std::string(apart ? thinking_of(inputs, params) : "none");
    format["lead"]      = apart && is_constrained ? lead_of(templates, inputs, params) : std::string();
    const bool required = inputs.tool_choice == COMMON_CHAT_TOOL_CHOICE_REQUIRED;
    if (calls && (params.grammar_lazy || (required && (apart || !begins_thinking(params))))) {
        std::string parser;
        const auto  grammar = grammar_of_calls(templates, inputs, params, parser);
        if (!grammar.empty()) {
            format["grammar"] = grammar;
            format["parser"]  = parser;
            format["begun"]   = false;
        } else {
            auto whole = params.grammar;
            forbid_text(whole);
            format["grammar"] = whole;
        }
    }
    return format.dump_safe();
}

} // namespace

int32_t chaku_llama_templates_render(const chaku_llama_templates * templates, const char * ask, size_t ask_len,
                                     const chaku_llama_template_limits * limits, chaku_llama_text * prompt,
                                     chaku_llama_text * stops, chaku_llama_text * format, chaku_llama_text * error) {
    *prompt = *stops = *format = { nullptr, 0 };
    return chaku::guard(error, [&] {
        const auto asked  = common_json::parse(std::string(ask, ask_len));
        const auto inputs = inputs_of(asked);
        const chaku::template_limits bounds(*limits, ask_len);
        // This also analyses the template for a parser of its answers: 0.4 ms for a plain template, 1.4 ms for one with tools.
        // Leaving that out (force_pure_content) also leaves out the additional stop strings and what llama.app does to the
        // messages of the templates it treats specially, hence their prompts.
        const auto params = common_chat_templates_apply(templates->templates.get(), inputs);
        const auto about  = format_of(templates->templates.get(), inputs, params, asked.value("constrained", false));
        bounds.check();

        std::string joined;
        for (const auto & stop : params.additional_stops) {
            joined += stop;
            joined += '\0';
        }
        chaku::set_text(prompt, params.prompt);
        chaku::set_text(stops, joined);
        chaku::set_text(format, about);
        return CHAKU_LLAMA_OK;
    });
}

// ---- answers ----

struct chaku_llama_answer {
    common_chat_parser_params params;
    common_chat_msg           seen;
    std::vector<std::string>  ids;
};

namespace {

// What the prompt has of the answer already, as the parser reads it. Where a template ends its prompt otherwise than the parser was made
// for (DeepSeek V3.2 does behind the result of a tool), as much of that end is left out as has to be; and if nothing
// helps, the answer is plain text: no reason to fail.
common_chat_msg begin(common_chat_parser_params & params, const std::string & think_start) {
    const auto whole = params.generation_prompt;
    const auto bare  = whole.substr(std::min(whole.find_first_not_of(" \t\r\n"), whole.size()));
    const auto thought = think_start.empty() ? std::string::npos : whole.rfind(think_start);
    for (const auto & end : { whole, bare, thought == std::string::npos ? std::string() : whole.substr(thought), std::string() }) {
        params.generation_prompt = end;
        try {
            return common_chat_parse("", true, params);
        } catch (const std::exception &) {
            chaku::guarded::current->assertion.clear(); // the next end may do
        }
    }
    params.generation_prompt.clear();
    params.format = COMMON_CHAT_FORMAT_CONTENT_ONLY;
    params.parser = {};
    return {};
}

} // namespace

int32_t chaku_llama_answer_new(const char * format, size_t format_len, chaku_llama_answer ** out, chaku_llama_text * error) {
    *out = nullptr;
    return chaku::guard(error, [&] {
        const auto about  = common_json::parse(std::string(format, format_len));
        auto       result = std::make_unique<chaku_llama_answer>();
        auto &     params = result->params;
        params.format            = static_cast<common_chat_format>(about.at("format").get<int64_t>());
        params.reasoning_format  = common_reasoning_format_from_name(about.at("reasoning_format"));
        params.generation_prompt = about.at("generation_prompt").get<std::string>();
        params.parse_tool_calls  = about.value("calls", false);
        const auto parser = about.at("parser").get<std::string>();
        if (!parser.empty()) {
            params.parser.load(parser);
        }
        if (about.value("shown", false)) {
            result->seen = begin(params, about.value("think_start", "")); // it is not new
            if (!about.value("continues", false)) {
                result->seen.reasoning_content.clear(); // but what it has of the thinking belongs to that
            }
        }
        *out = result.release();
        return CHAKU_LLAMA_OK;
    });
}

void chaku_llama_answer_free(chaku_llama_answer * answer) {
    delete answer;
}

namespace {

common_json delta_of(const common_chat_msg_diff & diff) {
    common_json delta = common_json::object();
    if (!diff.reasoning_content_delta.empty()) {
        delta["reasoning"] = diff.reasoning_content_delta;
    }
    if (!diff.content_delta.empty()) {
        delta["content"] = diff.content_delta;
    }
    if (diff.tool_call_index != std::string::npos) {
        common_json call = common_json::object();
        call["index"]     = static_cast<uint64_t>(diff.tool_call_index);
        call["id"]        = diff.tool_call_delta.id;
        call["name"]      = diff.tool_call_delta.name;
        call["arguments"] = diff.tool_call_delta.arguments;
        delta["call"]     = call;
    }
    return delta;
}

std::string new_id() {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    std::random_device random;
    std::string id; // as Mistral's templates want them; others take any
    for (int i = 0; i < 9; i++) {
        id += letters[random() % (sizeof(letters) - 1)];
    }
    return id;
}

// Gives ids to calls that the model gave none. Its own may come after the name of the tool, but before any argument.
void name_calls(common_chat_msg & message, std::vector<std::string> & ids, bool is_partial) {
    auto & calls = message.tool_calls;
    for (size_t i = 0; i < calls.size(); i++) {
        if (i == ids.size() && (!is_partial || !calls[i].arguments.empty())) {
            ids.push_back(calls[i].id.empty() ? new_id() : calls[i].id);
        }
        if (i < ids.size()) {
            calls[i].id = ids[i];
        }
    }
}

} // namespace

int32_t chaku_llama_answer_read(chaku_llama_answer * answer, const char * text, size_t len, bool is_partial,
                                chaku_llama_text * deltas, chaku_llama_text * error) {
    *deltas = { nullptr, 0 };
    return chaku::guard(error, [&] {
        auto message = common_chat_parse(std::string(text, len), is_partial, answer->params);
        if (is_partial && message.empty()) {
            return CHAKU_LLAMA_OK;
        }
        name_calls(message, answer->ids, is_partial);
        common_json list = common_json::array();
        for (const auto & diff : common_chat_msg_diff::compute_diffs(answer->seen, message)) {
            list.push_back(delta_of(diff));
        }
        answer->seen = std::move(message);
        chaku::set_text(deltas, list.dump_safe());
        return CHAKU_LLAMA_OK;
    });
}
