// The C interface: the C++ one behind handles, with errors as numbers.
#include "src/weigh/weigh_c.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include "src/weigh/weigh.h"

struct weigh_model {
  weigh::Model model;
  std::string name;
  std::uint64_t file_bytes;
};

namespace {

struct LastError {
  std::string text;
  std::optional<std::uint64_t> offset;
};

/// Like errno: what a call of this thread left.
LastError& last_error() {
  thread_local LastError error;
  return error;
}

weigh_status failed(weigh_status status, const char* text, std::optional<std::uint64_t> offset = std::nullopt) {
  try {
    last_error() = {text, offset};
  } catch (const std::bad_alloc&) {  // the status alone tells
    last_error().text.clear();
  }
  return status;
}

constexpr weigh_status status_of(weigh::ErrorKind kind) {
  switch (kind) {
    case weigh::ErrorKind::Input: return WEIGH_ERROR_INPUT;
    case weigh::ErrorKind::Usage: return WEIGH_ERROR_USAGE;
    case weigh::ErrorKind::Internal: break;
  }
  return WEIGH_ERROR_INTERNAL;
}

/// Runs `work`; no exception leaves it.
template <typename Work>
weigh_status guarded(const Work& work) noexcept {
  try {
    work();
    return WEIGH_OK;
  } catch (const weigh::Error& error) {
    return failed(status_of(error.kind()), error.what(), error.offset());
  } catch (const std::bad_alloc&) {
    return failed(WEIGH_ERROR_MEMORY, "not enough memory");
  } catch (const std::exception& error) {
    return failed(WEIGH_ERROR_INTERNAL, error.what());
  } catch (...) {
    return failed(WEIGH_ERROR_INTERNAL, "an unknown fault");
  }
}

[[noreturn]] void wrong_usage(const std::string& sentence) {
  throw weigh::Error(weigh::ErrorKind::Usage, weigh::escaped(sentence));
}

template <typename Pointer>
void demand(const char* name, Pointer pointer) {
  if (pointer == nullptr) wrong_usage(std::string(name) + " is NULL");
}

/// What the options of any call say.
struct Options {
  std::vector<std::string> devices;
  weigh::RunOptions run;
  unsigned threads = 0;
  bool deep = false;
};

/// Throws for what is none; `name` is that of the option.
bool switch_of(std::string_view name, std::string_view value) {
  if (value != "on" && value != "off") wrong_usage(std::string(name) + "=" + std::string(value) + ": on or off");
  return value == "on";
}

template <typename Number = std::uint64_t>
Number number_of(std::string_view name, std::string_view value) {
  Number number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) {
    wrong_usage(std::string(name) + "=" + std::string(value) + ": not a number");
  }
  return number;
}

weigh::Engine engine_of(std::string_view value) {
  const auto engine = weigh::engine_named(value);
  if (!engine)
    wrong_usage("engine=" + std::string(value) + ": there are llama.cpp, transformers, vllm, mlx and sglang");
  return *engine;
}

weigh::Detail detail_of(std::string_view value) {
  if (value == "verdict") return weigh::Detail::Verdict;
  if (value == "run") return weigh::Detail::Run;
  if (value == "advice") return weigh::Detail::Advice;
  wrong_usage("detail=" + std::string(value) + ": there are verdict, run and advice");
}

using Text = std::string_view;
struct OptionRow {
  Text name;
  void (*set)(Options&, Text name, Text value);
};

constexpr std::array kOptions{
    OptionRow{"on", [](Options& o, Text, Text v) { o.devices.emplace_back(v); }},
    OptionRow{"engine", [](Options& o, Text, Text v) { o.run.engine = engine_of(v); }},
    OptionRow{"context",
              [](Options& o, Text n, Text v) { o.run.context = v == "max" ? weigh::kModelContext : number_of(n, v); }},
    OptionRow{"kv-type", [](Options& o, Text, Text v) { o.run.kv_type = v; }},
    OptionRow{"parallel", [](Options& o, Text n, Text v) { o.run.parallel = number_of(n, v); }},
    OptionRow{"batch", [](Options& o, Text n, Text v) { o.run.batch = number_of(n, v); }},
    OptionRow{"ubatch", [](Options& o, Text n, Text v) { o.run.micro_batch = number_of(n, v); }},
    OptionRow{"flash-attention", [](Options& o, Text n, Text v) { o.run.flash_attention = switch_of(n, v); }},
    OptionRow{"kv-unified", [](Options& o, Text n, Text v) { o.run.unified_cache = switch_of(n, v); }},
    OptionRow{"swa-full", [](Options& o, Text n, Text v) { o.run.full_window_cache = switch_of(n, v); }},
    OptionRow{"gpu-layers", [](Options& o, Text n, Text v) { o.run.gpu_layers = number_of(n, v); }},
    OptionRow{"n-cpu-moe", [](Options& o, Text n, Text v) { o.run.cpu_moe_layers = number_of(n, v); }},
    OptionRow{"n-cpu-ffn", [](Options& o, Text n, Text v) { o.run.cpu_ffn_layers = number_of(n, v); }},
    OptionRow{"as", [](Options& o, Text, Text v) { o.run.as_type = v; }},
    OptionRow{"mmproj", [](Options& o, Text, Text v) { o.run.projector = v; }},
    OptionRow{"no-mmproj-offload", [](Options& o, Text n, Text v) { o.run.projector_on_host = switch_of(n, v); }},
    OptionRow{"draft", [](Options& o, Text, Text v) { o.run.draft = v; }},
    OptionRow{"draft-kv-type", [](Options& o, Text, Text v) { o.run.draft_kv_type = v; }},
    OptionRow{"host", [](Options& o, Text, Text v) { o.run.host = v; }},
    OptionRow{"together", [](Options& o, Text n, Text v) { o.run.together = switch_of(n, v); }},
    OptionRow{"prompt", [](Options& o, Text n, Text v) { o.run.prompt = number_of(n, v); }},
    OptionRow{"generate", [](Options& o, Text n, Text v) { o.run.generate = number_of(n, v); }},
    OptionRow{"eager-attention", [](Options& o, Text n, Text v) { o.run.eager_attention = switch_of(n, v); }},
    OptionRow{"engine-version", [](Options& o, Text, Text v) { o.run.engine_version = v; }},
    OptionRow{"gpu-memory-utilization", [](Options& o, Text, Text v) { o.run.memory_share = v; }},
    OptionRow{"max-num-seqs", [](Options& o, Text n, Text v) { o.run.max_sequences = number_of(n, v); }},
    OptionRow{"max-num-batched-tokens", [](Options& o, Text n, Text v) { o.run.batched_tokens = number_of(n, v); }},
    OptionRow{"tensor-parallel-size", [](Options& o, Text n, Text v) { o.run.tensor_parallel = number_of(n, v); }},
    OptionRow{"pipeline-parallel-size", [](Options& o, Text n, Text v) { o.run.pipeline_parallel = number_of(n, v); }},
    OptionRow{"decode-context-parallel-size",
              [](Options& o, Text n, Text v) { o.run.context_parallel = number_of(n, v); }},
    OptionRow{"block-size", [](Options& o, Text n, Text v) { o.run.block_tokens = number_of(n, v); }},
    OptionRow{"kv-cache-memory-bytes", [](Options& o, Text n, Text v) { o.run.pool_bytes = number_of(n, v); }},
    OptionRow{"enforce-eager", [](Options& o, Text n, Text v) { o.run.enforce_eager = switch_of(n, v); }},
    OptionRow{"no-enable-prefix-caching",
              [](Options& o, Text n, Text v) { o.run.no_prefix_caching = switch_of(n, v); }},
    OptionRow{"train", [](Options& o, Text, Text v) { o.run.train = v; }},
    OptionRow{"optimizer", [](Options& o, Text, Text v) { o.run.optimizer = v; }},
    OptionRow{"checkpointing", [](Options& o, Text, Text v) { o.run.checkpointing = v; }},
    OptionRow{"shard", [](Options& o, Text, Text v) { o.run.shard = v; }},
    OptionRow{"rank", [](Options& o, Text n, Text v) { o.run.lora_rank = number_of(n, v); }},
    OptionRow{"seq", [](Options& o, Text n, Text v) { o.run.train_tokens = number_of(n, v); }},
    OptionRow{"detail", [](Options& o, Text, Text v) { o.run.detail = detail_of(v); }},
    OptionRow{"threads", [](Options& o, Text n, Text v) { o.threads = number_of<unsigned>(n, v); }},
    OptionRow{"deep", [](Options& o, Text n, Text v) { o.deep = switch_of(n, v); }},
};

Options options_of(const char* const* list) {
  Options options;
  for (; list != nullptr && *list != nullptr; ++list) {
    const std::string_view text = *list;
    const std::string_view name = text.substr(0, text.find('='));
    if (name.size() == text.size()) wrong_usage("option " + std::string(text) + ": write NAME=VALUE");
    const auto* row =
        std::find_if(kOptions.begin(), kOptions.end(), [&](const OptionRow& o) { return o.name == name; });
    if (row == kOptions.end()) wrong_usage("option " + std::string(name) + ": there is none of that name");
    row->set(options, name, text.substr(name.size() + 1));
  }
  return options;
}

char* copy_of(const std::string& text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

/// A call that gives back a document.
template <typename Work>
weigh_status document(char** json, const Work& work) noexcept {
  if (json != nullptr) *json = nullptr;
  return guarded([&] {
    demand("json", json);
    *json = copy_of(work());
  });
}

/// As snprintf; 0 where there is no memory for the text.
template <typename Work>
std::size_t text_into(char* out, std::size_t size, const Work& work) noexcept {
  std::string text;
  if (guarded([&] { text = work(); }) != WEIGH_OK) return 0;
  if (size > 0 && out != nullptr) {
    const std::size_t count = std::min(text.size(), size - 1);
    std::memcpy(out, text.data(), count);
    out[count] = '\0';
  }
  return text.size();
}

}  // namespace

int weigh_api_version(void) { return WEIGH_C_API_VERSION; }

const char* weigh_version(void) { return weigh::version(); }

const char* weigh_last_error(void) { return last_error().text.c_str(); }

int weigh_last_error_offset(uint64_t* offset) {
  const auto& known = last_error().offset;
  if (known && offset != nullptr) *offset = *known;
  return known ? 1 : 0;
}

weigh_status weigh_open(const char* path, weigh_model** model) {
  if (model != nullptr) *model = nullptr;
  return guarded([&] {
    demand("path", path);
    demand("model", model);
    weigh::Model read = weigh::open(path);
    std::uint64_t file_bytes = 0;
    for (const weigh::File& file : read.info().files) file_bytes += file.bytes;
    *model = new weigh_model{read, read.info().name, file_bytes};
  });
}

void weigh_close(weigh_model* model) { delete model; }

const char* weigh_name(const weigh_model* model) { return model == nullptr ? "" : model->name.c_str(); }

const char* weigh_format(const weigh_model* model) {
  return model == nullptr ? "" : weigh::name_of(model->model.info().format);
}

uint64_t weigh_parameters(const weigh_model* model) {
  return model == nullptr ? 0 : model->model.info().parameters.total.value_or(0);
}

int weigh_active_parameters(const weigh_model* model, uint64_t* parameters) {
  if (model == nullptr || !model->model.info().parameters.active) return 0;
  if (parameters != nullptr) *parameters = *model->model.info().parameters.active;
  return 1;
}

uint64_t weigh_bytes(const weigh_model* model) { return model == nullptr ? 0 : model->model.info().weights.bytes; }

uint64_t weigh_file_bytes(const weigh_model* model) { return model == nullptr ? 0 : model->file_bytes; }

weigh_status weigh_fit_on(const weigh_model* model, const char* const* options, weigh_fit* fit) {
  return guarded([&] {
    demand("model", model);
    demand("fit", fit);
    Options asked = options_of(options);
    asked.run.detail = weigh::Detail::Verdict;
    if (asked.devices.empty()) wrong_usage("no device is named: on=DEVICE");
    const std::vector<weigh::Fit> fits = model->model.fit(asked.devices, asked.run);
    if (fits.empty()) wrong_usage("the model does not run by itself: " + model->model.info().kind);
    if (fits.size() != 1) wrong_usage("several devices are named: name one, or add together=on");
    const weigh::Fit& found = fits.front();
    const weigh_fit all{sizeof(weigh_fit), static_cast<int>(found.verdict),
                        found.need.total,  found.budget_bytes,
                        found.limit_bytes, found.memory_bytes};
    if (fit->size < sizeof fit->size) wrong_usage("fit.size is not sizeof(weigh_fit)");
    std::memcpy(fit, &all, std::min(fit->size, sizeof all));
  });
}

const char* weigh_verdict_name(int verdict) {
  return verdict >= WEIGH_FITS && verdict <= WEIGH_BROKEN ? weigh::name_of(static_cast<weigh::Verdict>(verdict)) : "";
}

weigh_status weigh_json(const weigh_model* model, const char* const* options, char** json) {
  return document(json, [&] {
    demand("model", model);
    const Options asked = options_of(options);
    return model->model.json(asked.devices, asked.run);
  });
}

weigh_status weigh_tensors_json(const weigh_model* model, char** json) {
  return document(json, [&] {
    demand("model", model);
    return model->model.tensors_json();
  });
}

weigh_status weigh_inspect_json(const char* path, const char* const* options, char** json) {
  return document(json, [&] {
    demand("path", path);
    const Options asked = options_of(options);
    return weigh::inspect_json({path}, asked.devices, asked.run);
  });
}

weigh_status weigh_scan_json(const char* folder, const char* const* options, char** json) {
  return document(json, [&] {
    demand("folder", folder);
    const Options asked = options_of(options);
    return weigh::scan_json({folder}, {.devices = asked.devices, .run = asked.run, .threads = asked.threads});
  });
}

weigh_status weigh_audit_json(const char* path, const char* const* options, char** json) {
  return document(json, [&] {
    demand("path", path);
    const Options asked = options_of(options);
    return weigh::audit_json({path}, {.deep = asked.deep, .threads = asked.threads, .progress = {}});
  });
}

weigh_status weigh_devices_json(const char* query, char** json) {
  return document(json, [&] { return weigh::Catalogue().json(query == nullptr ? "" : query); });
}

void weigh_free(char* text) { std::free(text); }

size_t weigh_parameters_text(uint64_t parameters, char* text, size_t size) {
  return text_into(text, size, [&] { return weigh::parameters_text(parameters); });
}

size_t weigh_bytes_text(uint64_t bytes, char* text, size_t size) {
  return text_into(text, size, [&] { return weigh::bytes_text(bytes); });
}
