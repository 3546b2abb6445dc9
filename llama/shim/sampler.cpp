// Sampling through common_sampler, as llama.app does it.
#include "guard.h"

#include "json.h"
#include "sampling.h"

#include <cmath>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

namespace {

struct sampler_deleter {
    void operator()(llama_sampler * sampler) const { llama_sampler_free(sampler); }
};

std::vector<common_sampler_type> parse_names(const char * text, std::string & unknown) {
    std::vector<common_sampler_type> types;
    std::istringstream stream(text);
    for (std::string name; std::getline(stream, name, ';');) {
        const auto found = common_sampler_types_from_names({ name });
        if (found.empty()) {
            unknown = name;
            return {};
        }
        types.push_back(found.front());
    }
    return types;
}

common_params_sampling full_params(const llama_vocab * vocab, const chaku_llama_sampler_params & p) {
    common_params_sampling full;
    full.seed               = p.seed;
    full.temp               = p.temperature;
    full.top_k              = p.top_k;
    full.top_p              = p.top_p;
    full.min_p              = p.min_p;
    full.typ_p              = p.typical_p;
    full.top_n_sigma        = p.top_n_sigma;
    full.penalty_repeat     = p.repeat_penalty;
    full.penalty_last_n     = p.repeat_last_n;
    full.penalty_present    = p.presence_penalty;
    full.penalty_freq       = p.frequency_penalty;
    full.dry_multiplier     = p.dry_multiplier;
    full.dry_base           = p.dry_base;
    full.dry_allowed_length = p.dry_allowed_length;
    full.dry_penalty_last_n = p.dry_penalty_last_n;
    full.xtc_probability    = p.xtc_probability;
    full.xtc_threshold      = p.xtc_threshold;
    full.dynatemp_range     = p.dynatemp_range;
    full.dynatemp_exponent  = p.dynatemp_exponent;
    full.mirostat           = p.mirostat;
    full.mirostat_eta       = p.mirostat_lr;
    full.mirostat_tau       = p.mirostat_ent;
    full.adaptive_target    = p.adaptive_target;
    full.adaptive_decay     = p.adaptive_decay;
    full.ignore_eos         = p.ignore_eos;
    full.reasoning_budget_tokens = p.reasoning_budget;
    full.no_perf            = true;
    if (p.ignore_eos) {
        // what common_init_from_params does for --ignore-eos
        for (llama_token token = 0; token < llama_vocab_n_tokens(vocab); token++) {
            if (llama_vocab_is_eog(vocab, token)) {
                full.logit_bias.push_back({ token, -INFINITY });
            }
        }
    }
    return full;
}

// What llama-server does with the tool calls and the thinking of a template.
void hold_to_format(common_params_sampling & full, const llama_vocab * vocab, const common_json & format, const char * grammar,
                    const char * farewell) {
    for (const auto & text : format.at("preserved")) {
        const auto tokens = common_tokenize(vocab, text.get<std::string>(), false, true);
        if (tokens.size() == 1) {
            full.preserved_tokens.insert(tokens[0]);
        }
    }
    if (format.value("begun", false)) {
        full.generation_prompt = format.at("generation_prompt").get<std::string>();
    }
    if (grammar) {
        // The type says whether the prompt's end is a part of what the grammar describes.
        const bool begun  = format.value("begun", false);
        full.grammar      = common_grammar(begun ? COMMON_GRAMMAR_TYPE_TOOL_CALLS : COMMON_GRAMMAR_TYPE_USER, grammar);
        full.grammar_lazy = format.value("lazy", false);
    }
    for (const auto & entry : format.at("triggers")) {
        common_grammar_trigger trigger;
        trigger.type  = static_cast<common_grammar_trigger_type>(entry.at("type").get<int64_t>());
        trigger.value = entry.at("value").get<std::string>();
        const auto tokens = common_tokenize(vocab, trigger.value, false, true);
        if (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD && tokens.size() == 1 && full.preserved_tokens.count(tokens[0])) {
            trigger.type  = COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN;
            trigger.token = tokens[0];
        }
        full.grammar_triggers.push_back(trigger);
    }
    const auto start = format.at("think_start").get<std::string>();
    const auto & ends = format.at("think_ends");
    if (!start.empty() && !ends.empty()) {
        full.generation_prompt       = format.at("generation_prompt").get<std::string>(); // it may begin to think
        full.reasoning_budget_start  = common_tokenize(vocab, start, false, true);
        // What the caller lets it say is text, whatever it spells.
        full.reasoning_budget_forced = common_tokenize(vocab, farewell ? farewell : "", false, false);
        const auto end = common_tokenize(vocab, ends[0].get<std::string>(), false, true);
        full.reasoning_budget_forced.insert(full.reasoning_budget_forced.end(), end.begin(), end.end());
        for (const auto & text : ends) {
            full.reasoning_budget_end.push_back(common_tokenize(vocab, text.get<std::string>(), false, true));
        }
    }
}

} // namespace

struct chaku_llama_sampler {
    common_sampler_ptr sampler;
    // A second copy of a caller's grammar's state. common_sampler keeps its own hidden, and accepting a token that the grammar
    // does not allow ends in an assert or an unusable sampler, so every token is asked of this one first.
    std::unique_ptr<llama_sampler, sampler_deleter> guard;
    // Of a grammar that waits for the mark of a call. A token may hold the mark and something that the grammar does not allow after
    // it: then the answer goes on without the grammar, as text.
    std::unique_ptr<common_params_sampling>    without;
    const llama_model *                        model = nullptr;
    std::vector<std::pair<llama_token, bool>>  said;

    void give_up_grammar() {
        chaku::guarded::current->assertion.clear(); // it is dealt with here
        without->seed = common_sampler_get_seed(sampler.get());
        sampler.reset(common_sampler_init(model, *without));
        without.reset();
        for (const auto & [token, is_generated] : said) {
            common_sampler_accept(sampler.get(), token, is_generated);
        }
        said.clear();
    }

    bool allows(llama_token token) const {
        llama_token_data       data  = { token, 1.0f, 0.0f };
        llama_token_data_array array = { &data, 1, -1, false };
        llama_sampler_apply(guard.get(), &array);
        return data.logit != -INFINITY;
    }
};

void chaku_llama_sampler_defaults(chaku_llama_sampler_params * out) {
    const common_params_sampling p;
    *out = {
        p.seed,
        p.temp,
        p.top_k,
        p.top_p,
        p.min_p,
        p.typ_p,
        p.top_n_sigma,
        p.penalty_repeat,
        p.penalty_last_n,
        p.penalty_present,
        p.penalty_freq,
        p.dry_multiplier,
        p.dry_base,
        p.dry_allowed_length,
        p.dry_penalty_last_n,
        p.xtc_probability,
        p.xtc_threshold,
        p.dynatemp_range,
        p.dynatemp_exponent,
        p.mirostat,
        p.mirostat_eta,
        p.mirostat_tau,
        p.adaptive_target,
        p.adaptive_decay,
        p.ignore_eos,
        p.reasoning_budget_tokens,
    };
}

int32_t chaku_llama_sampler_new(const llama_model * model, const chaku_llama_sampler_params * params, const char * samplers,
                                const char * grammar, const char * format, const char * farewell,
                                const char * const * breakers, size_t n_breakers, const llama_logit_bias * biases, size_t n_biases,
                                chaku_llama_sampler ** out, chaku_llama_text * error) {
    *out = nullptr;
    return chaku::guard(error, [&] {
        const llama_vocab * vocab = llama_model_get_vocab(model);
        auto full = full_params(vocab, *params);
        full.logit_bias.insert(full.logit_bias.end(), biases, biases + n_biases);
        if (breakers) {
            full.dry_sequence_breakers.assign(breakers, breakers + n_breakers);
        }
        if (samplers) {
            std::string unknown;
            full.samplers = parse_names(samplers, unknown);
            if (full.samplers.empty()) {
                chaku::set_text(error, "unknown sampler '" + unknown + "'");
                return CHAKU_LLAMA_REFUSED;
            }
        }
        auto result = std::make_unique<chaku_llama_sampler>();
        if (format) {
            hold_to_format(full, vocab, common_json::parse(format), grammar, farewell);
            if (full.grammar_lazy) {
                result->model   = model;
                result->without = std::make_unique<common_params_sampling>(full);
                result->without->grammar          = {};
                result->without->grammar_lazy     = false;
                result->without->grammar_triggers.clear();
            }
        } else if (grammar) {
            full.grammar = common_grammar(COMMON_GRAMMAR_TYPE_USER, grammar);
            result->guard.reset(llama_sampler_init_grammar(vocab, grammar, "root"));
        }
        result->sampler.reset(common_sampler_init(model, full));
        if (!result->sampler || (grammar && !format && !result->guard)) {
            return CHAKU_LLAMA_REFUSED;
        }
        *out = result.release();
        return CHAKU_LLAMA_OK;
    });
}

void chaku_llama_sampler_free(chaku_llama_sampler * sampler) {
    delete sampler;
}

int32_t chaku_llama_sampler_sample(chaku_llama_sampler * sampler, llama_context * context, int32_t i, llama_token * token,
                                   chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        try {
            *token = common_sampler_sample(sampler->sampler.get(), context, i);
        } catch (const std::exception &) {
            if (!sampler->without) {
                throw;
            }
            sampler->give_up_grammar();
            *token = common_sampler_sample(sampler->sampler.get(), context, i);
        }
        if (sampler->guard && !sampler->allows(*token)) {
            return CHAKU_LLAMA_REFUSED;
        }
        return CHAKU_LLAMA_OK;
    });
}

int32_t chaku_llama_sampler_accept(chaku_llama_sampler * sampler, llama_token token, bool is_generated,
                                   chaku_llama_text * error) {
    return chaku::guard(error, [&] {
        if (sampler->guard && is_generated) {
            if (!sampler->allows(token)) {
                return CHAKU_LLAMA_REFUSED;
            }
            llama_sampler_accept(sampler->guard.get(), token);
        }
        if (!sampler->without) {
            common_sampler_accept(sampler->sampler.get(), token, is_generated);
            return CHAKU_LLAMA_OK;
        }
        sampler->said.emplace_back(token, is_generated);
        try {
            common_sampler_accept(sampler->sampler.get(), token, is_generated);
        } catch (const std::exception &) {
            sampler->give_up_grammar();
        }
        return CHAKU_LLAMA_OK;
    });
}

uint32_t chaku_llama_sampler_seed(const chaku_llama_sampler * sampler) {
    return common_sampler_get_seed(sampler->sampler.get());
}

const llama_token_data * chaku_llama_sampler_candidates(const chaku_llama_sampler * sampler, size_t * count) {
    const llama_token_data_array * candidates = common_sampler_get_candidates(sampler->sampler.get(), false);
    *count = candidates->data ? candidates->size : 0;
    return candidates->data;
}
