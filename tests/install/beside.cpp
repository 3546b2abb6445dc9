// An app with a ggml and a llama.cpp of its own next to libchaku.a, made from the same sources, with the same names. Both
// work, also at the same time, and neither sees anything of the other.      beside MODELS
#include "check.h"

#include <ggml-cpu.h>
#include <ggml.h>
#include <gguf.h>
#include <llama.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>
#include <string>
#include <vector>

namespace {

// The library's destructors of static objects are off (llama/shim/backend.cpp), the app's are not.
struct AtExit {
    ~AtExit() { std::puts("the app's static objects are destroyed"); }
} at_exit;

// What one of the two has logged, on whatever thread.
class Log {
  public:
    void add(const char *text) {
        std::lock_guard<std::mutex> guard(lock_);
        lines_.push_back(text);
    }
    std::size_t size() {
        std::lock_guard<std::mutex> guard(lock_);
        return lines_.size();
    }
    bool has(const char *part) {
        std::lock_guard<std::mutex> guard(lock_);
        return std::any_of(lines_.begin(), lines_.end(),
                           [part](const std::string &line) { return line.find(part) != std::string::npos; });
    }

  private:
    std::mutex lock_;
    std::vector<std::string> lines_;
};

void app_log(ggml_log_level, const char *text, void *user_data) { static_cast<Log *>(user_data)->add(text); }

// The library's threads write into it until it says that they will not any more.
struct ChakuLog {
    Log log;
    std::promise<void> ended;
};

std::int32_t chaku_log(std::int32_t, const char *, const char *message, std::int64_t, void *user_data) {
    static_cast<ChakuLog *>(user_data)->log.add(message);
    return 0;
}

void chaku_log_ends(void *user_data) { static_cast<ChakuLog *>(user_data)->ended.set_value(); }

void app_abort(const char *message) {
    std::printf("ggml of the app aborts: %s\n", message);
    std::exit(1);
}

// The app's callbacks are the ones it has set, whatever chaku has done meanwhile.
void check_callbacks(Log &log) {
    ggml_log_callback callback = nullptr;
    void *user_data = nullptr;
    ggml_log_get(&callback, &user_data);
    CHECK(callback == app_log && user_data == &log);
    CHECK(ggml_set_abort_callback(app_abort) == app_abort);
}

// A graph of the app's own: (a * b + c) of small whole numbers, where floating point is exact.
bool compute() {
    constexpr int inner = 64, columns = 16, rows = 8;
    ggml_context *context = ggml_init({16 * 1024 * 1024, nullptr, false});
    ggml_tensor *a = ggml_new_tensor_2d(context, GGML_TYPE_F32, inner, columns);
    ggml_tensor *b = ggml_new_tensor_2d(context, GGML_TYPE_F32, inner, rows);
    ggml_tensor *c = ggml_new_tensor_2d(context, GGML_TYPE_F32, columns, rows);
    for (int i = 0; i < inner * columns; i++) ggml_set_f32_1d(a, i, static_cast<float>(i % 7 - 3));
    for (int i = 0; i < inner * rows; i++) ggml_set_f32_1d(b, i, static_cast<float>(i % 5 - 2));
    for (int i = 0; i < columns * rows; i++) ggml_set_f32_1d(c, i, static_cast<float>(i));
    ggml_tensor *sum = ggml_add(context, ggml_mul_mat(context, a, b), c);
    ggml_cgraph *graph = ggml_new_graph(context);
    ggml_build_forward_expand(graph, sum);
    bool right = ggml_graph_compute_with_ctx(context, graph, 1) == GGML_STATUS_SUCCESS;
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            int expected = row * columns + column;
            for (int k = 0; k < inner; k++) {
                expected += ((column * inner + k) % 7 - 3) * ((row * inner + k) % 5 - 2);
            }
            right = right && ggml_get_f32_nd(sum, column, row, 0, 0) == static_cast<float>(expected);
        }
    }
    ggml_free(context);
    return right;
}

struct Answer {
    std::string text;
    std::string reason;
};

Answer finish(chaku_request *request) {
    Answer answer;
    chaku_error *error = nullptr;
    chaku_event *event = nullptr;
    while (chaku_request_next(request, 60'000, &event, &error) == CHAKU_OK && event != nullptr) {
        if (chaku_event_kind(event) == CHAKU_EVENT_TEXT) answer.text += chaku_event_text(event, nullptr);
        if (chaku_event_kind(event) == CHAKU_EVENT_FINAL && chaku_event_code(event) != CHAKU_OK) {
            chaku_error *failure = nullptr;
            chaku_event_error(event, &failure);
            answer.reason = chaku_error_reason(failure);
            chaku_error_free(failure);
        }
        chaku_event_free(event);
        event = nullptr;
    }
    chaku_error_free(error);
    chaku_request_free(request);
    return answer;
}

chaku_model *load(chaku_runtime *runtime, const std::string &path) {
    chaku_options *options = nullptr;
    chaku_model *model = nullptr;
    WORKS(chaku_options_new(&options, &error));
    WORKS(chaku_options_set_i64(options, CHAKU_OPT_THREADS, 1, &error));
    WORKS(chaku_model_load(runtime, path.c_str(), options, &model, &error));
    chaku_options_free(options);
    return model;
}

// Asks a new session; `meanwhile` runs while the library computes.
template <typename Work>
Answer ask(chaku_model *model, Work meanwhile) {
    chaku_session *session = nullptr;
    chaku_request *request = nullptr;
    WORKS(chaku_session_new(model, nullptr, &session, &error));
    WORKS(chaku_session_chat(session, "Why is the sky blue?", -1, nullptr, &request, &error));
    meanwhile();
    Answer answer = finish(request);
    chaku_session_free(session);
    return answer;
}

} // namespace

int main(int, char **argv) {
    const std::string models = argv[1], script = models + "/tiny-script.gguf", reply = "Hello there, I am a test model.";
    const auto nothing = [] {};

    // The app is first, and then the library sets its own callbacks. Loading a model makes llama.cpp talk.
    Log app;
    ChakuLog library_log;
    Log &library = library_log.log;
    ggml_log_set(app_log, &app);
    ggml_set_abort_callback(app_abort);
    CHECK(compute());
    const std::size_t before = app.size();
    chaku_runtime *runtime = nullptr;
    WORKS(chaku_runtime_new(nullptr, &runtime, &error));
    WORKS(chaku_runtime_set_log(runtime, CHAKU_LOG_TRACE, chaku_log, &library_log, chaku_log_ends, &error));
    chaku_model *model = load(runtime, script);
    CHECK(ask(model, nothing).text == reply);
    CHECK(library.has("llama_model_loader"));
    CHECK(app.size() == before);
    check_callbacks(app);

    // What the app's copy has to say goes to the app alone.
    CHECK(gguf_init_from_file((models + "/no such file").c_str(), {true, nullptr}) == nullptr);
    CHECK(app.has("no such file"));
    CHECK(!library.has("no such file"));

    // The app is last: it sets its callbacks anew, and the library keeps its own.
    Log later;
    ggml_log_set(app_log, &later);
    ggml_set_abort_callback(app_abort);
    const std::size_t after_one = library.size();
    chaku_model *again = load(runtime, script);
    CHECK(library.size() > after_one + 5);
    CHECK(ask(again, nothing).text == reply);
    CHECK(later.size() == 0);
    check_callbacks(later);
    chaku_model_free(again);

    // Both at the same time.
    int right = 0;
    CHECK(ask(model, [&] { for (int i = 0; i < 200; i++) right += compute(); }).text == reply);
    CHECK(right == 200);

    // The app's own llama.cpp reads the same file to the same end, and logs it to the app.
    llama_log_set(app_log, &later);
    llama_backend_init();
    llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    llama_model *raw = llama_model_load_from_file(script.c_str(), params);
    CHECK(raw != nullptr);
    const std::string text = "Hello there";
    std::vector<llama_token> expected(64), tokens(64);
    int raw_count = llama_tokenize(llama_model_get_vocab(raw), text.data(), static_cast<int>(text.size()),
                                   expected.data(), 64, false, false);
    std::int64_t count = 0;
    WORKS(chaku_model_tokenize(model, text.data(), -1, 0, 0, tokens.data(), 64, &count, &error));
    CHECK(count > 0 && count == raw_count && tokens == expected);
    llama_model_free(raw);
    CHECK(later.has("vocab only"));
    CHECK(!library.has("vocab only"));

    // An exception that llama.cpp throws in the library is caught there.
    chaku_model *raises = load(runtime, models + "/tiny-raise.gguf");
    CHECK(ask(raises, nothing).reason == "template_failed");
    chaku_model_free(raises);
    CHECK(ask(model, nothing).text == reply);

    chaku_model_free(model);
    chaku_runtime_free(runtime);
    CHECK(library_log.ended.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready);
    return check_summary("beside");
}
