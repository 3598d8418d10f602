// How a run is said to an engine.
#include "src/fit/engine_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "formats/error.h"
#include "src/devices/units.h"
#include "src/remote/reference.h"
#include "src/source/file_names.h"

namespace weigh::core {

namespace {

// The engines that keep a cache in a type, by bits.
constexpr unsigned bit(Engine engine) { return 1U << static_cast<unsigned>(engine); }
constexpr unsigned kAll = (1U << kEngines) - 1;
constexpr unsigned kGgml = bit(Engine::LlamaCpp);
constexpr unsigned kMlx = bit(Engine::Mlx);
constexpr unsigned kPlain = kGgml | kMlx | bit(Engine::Transformers);
constexpr unsigned kVllm = bit(Engine::Vllm);
constexpr unsigned kPools = kVllm | bit(Engine::Sglang);

struct CacheTypeRow {
  std::string_view name;
  CacheType type;
  unsigned engines;
};

// The first row of a type has the name that is shown. MLX's caches of 8 and of 4 bits have a scale and a bias of 16 bits
// for each 64 values: as many bits as q8_0 and q4_0.
constexpr std::array kCacheTypes{
    CacheTypeRow{"f32", {Dtype::F32}, kPlain},
    CacheTypeRow{"f16", {Dtype::F16}, kAll},
    CacheTypeRow{"bf16", {Dtype::BF16}, kAll},
    CacheTypeRow{"q8_0", {Dtype::Q8_0}, kGgml | kMlx},
    CacheTypeRow{"q5_1", {Dtype::Q5_1}, kGgml},
    CacheTypeRow{"q5_0", {Dtype::Q5_0}, kGgml},
    CacheTypeRow{"q4_1", {Dtype::Q4_1}, kGgml},
    CacheTypeRow{"q4_0", {Dtype::Q4_0}, kGgml | kMlx},
    CacheTypeRow{"iq4_nl", {Dtype::IQ4_NL}, kGgml},
    CacheTypeRow{"fp8", {Dtype::F8_E4M3}, kVllm},
    CacheTypeRow{"fp8_e4m3", {Dtype::F8_E4M3}, kPools},
    CacheTypeRow{"fp8_e5m2", {Dtype::F8_E5M2}, kPools},
    CacheTypeRow{"fp8_ds_mla", {Dtype::F8_E4M3}, kVllm},
    CacheTypeRow{"nvfp4", {Dtype::NVFP4}, kVllm},
    CacheTypeRow{"int8_per_token_head", {Dtype::I8, true}, kVllm},
    CacheTypeRow{"fp8_per_token_head", {Dtype::F8_E4M3, true}, kVllm},
    CacheTypeRow{"auto", {Dtype::F16}, kAll},
    CacheTypeRow{"float16", {Dtype::F16}, kPools},
    CacheTypeRow{"bfloat16", {Dtype::BF16}, kPools},
};

std::string_view cache_type_name(CacheType type) {
  const auto row = std::ranges::find(kCacheTypes, type, &CacheTypeRow::type);
  return row == kCacheTypes.end() ? name(type.dtype) : row->name;
}

using Flags = std::vector<std::string>;

void append(Flags& flags, std::initializer_list<std::string> more) { flags.insert(flags.end(), more); }

Flags llama_cpp_flags(const Candidate& candidate, const Run& run) {
  const Run standard;
  Flags flags{"-c", std::to_string(candidate.context(run))};
  if (run.key_type != Dtype::F16) append(flags, {"-ctk", std::string(cache_type_name({run.key_type}))});
  if (run.value_type != Dtype::F16) append(flags, {"-ctv", std::string(cache_type_name({run.value_type}))});
  // llama-server has four slots unless it is told.
  append(flags, {"-np", std::to_string(run.sequences)});
  if (run.unified_cache) append(flags, {"-kvu"});
  if (run.batch != standard.batch) append(flags, {"-b", std::to_string(run.batch)});
  if (run.micro_batch != standard.micro_batch) append(flags, {"-ub", std::to_string(run.micro_batch)});
  append(flags, {"-fa", run.flash_attention ? "on" : "off"});
  if (run.full_window_cache) append(flags, {"--swa-full"});
  return flags;
}

// By the engine's own name for it.
std::string_view cache_type_name(CacheType type, Engine engine) {
  const auto row = std::ranges::find_if(
      kCacheTypes, [&](const CacheTypeRow& other) { return other.type == type && (other.engines & bit(engine)) != 0; });
  return row == kCacheTypes.end() ? cache_type_name(type) : row->name;
}

// The start that was worked out, with every figure that vLLM or SGLang would choose itself.
Flags serving_flags(const Serving& serving, const Run& run) {
  Flags flags = serving.flags;
  const CacheType type{run.key_type, run.scale_per_head};
  const bool own = type != CacheType{Dtype::F16} && type != CacheType{Dtype::BF16};
  if (own) append(flags, {"--kv-cache-dtype", std::string(cache_type_name(type, run.engine))});
  return flags;
}

Flags engine_flags(const Candidate& candidate, const Run& run, const Fit& fit) {
  if (candidate.engine() == Engine::LlamaCpp) return llama_cpp_flags(candidate, run);
  return fit.serving ? serving_flags(*fit.serving, run) : Flags();
}

// As one word of a shell's command line.
std::string shell_quoted(std::string_view text) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_-./+:=@%,").find(c) != std::string_view::npos;
  };
  if (!text.empty() && text.front() != '-' && std::ranges::all_of(text, plain)) return std::string(text);
  std::string quoted = text.starts_with('-') ? "'./" : "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// "Llama-2-7B-f16-Q4_K_M.gguf": what a GGUF that is made of a model is called, in the folder one is in.
std::string made_name(const Checkpoint& checkpoint, const QuantizerType* type) {
  std::string_view name = checkpoint.name;
  for (const std::string_view suffix : {".gguf", ".safetensors"}) {
    if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
  }
  name = name.substr(name.rfind('/') + 1);
  return fmt::format("{}{}.gguf", name, type == nullptr ? "" : "-" + std::string(type->name));
}

// Where a model lies that is on a server; nothing for one that is here.
std::optional<Reference> place_of(const std::string& path) {
  try {
    return parse_reference(path);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// What an engine is given to load: the first file of a GGUF model, a checkpoint's folder, or the GGUF that is to be made.
std::string path_to_load(const Checkpoint& checkpoint, Engine engine, const QuantizerType* type) {
  const bool gguf = is_gguf(checkpoint);
  if (engine == Engine::LlamaCpp && (!gguf || type != nullptr)) return made_name(checkpoint, type);
  return gguf && !checkpoint.file_paths.empty() ? checkpoint.file_paths.front() : checkpoint.path;
}

// As it is downloaded, in the folder one is in.
std::string here(const std::string& path) {
  return place_of(path) ? std::string(base_name(path.substr(0, path.find('?')))) : path;
}

// That model behind the flag that takes it. Engines download from the Hub by themselves, llama.cpp from any server too.
std::string model_words(std::string_view flag, const std::string& path, Engine engine) {
  const auto place = place_of(path);
  const std::string named = flag.empty() ? "" : fmt::format("{} ", flag);
  if (!place) return named + shell_quoted(path);
  if (engine == Engine::LlamaCpp && place->kind == RemoteKind::HuggingFace && place->revision.empty()) {
    return fmt::format("-hf {} -hff {}", place->name, shell_quoted(place->path));
  }
  if (engine == Engine::LlamaCpp && place->kind == RemoteKind::Web) return fmt::format("-mu {}", shell_quoted(path));
  if (engine == Engine::LlamaCpp || place->kind != RemoteKind::HuggingFace) return named + shell_quoted(here(path));
  return fmt::format("{}{}{}", named, place->name,
                     place->revision.empty() ? "" : fmt::format(" --revision {}", shell_quoted(place->revision)));
}

// The line that fetches the file, with " && " after it; empty where it is here, or where one has to know how.
std::string download_line(const std::string& path) {
  const auto place = place_of(path);
  if (!place) return {};
  if (place->kind == RemoteKind::Web) return fmt::format("curl -LO {} && ", shell_quoted(path));
  if (place->kind != RemoteKind::HuggingFace) return {};
  return fmt::format("hf download {} {}{} --local-dir . && ", place->name, shell_quoted(place->path),
                     place->revision.empty() ? "" : fmt::format(" --revision {}", shell_quoted(place->revision)));
}

// The lines that make that GGUF, each with " && " after it; empty where there is nothing to make.
std::string make_lines(const Candidate& candidate) {
  const Checkpoint& checkpoint = candidate.source().checkpoint;
  const QuantizerType* const type = candidate.type();
  const bool gguf = is_gguf(checkpoint);
  const std::string source = path_to_load(checkpoint, Engine::LlamaCpp, nullptr);
  std::string lines;
  if (!gguf && candidate.engine() == Engine::LlamaCpp) {
    const auto place = place_of(checkpoint.path);
    const bool on_hub = place && place->kind == RemoteKind::HuggingFace && place->revision.empty();
    lines = fmt::format("python convert_hf_to_gguf.py {} --outfile {} && ",
                        on_hub ? fmt::format("--remote {}", place->name) : shell_quoted(here(checkpoint.path)),
                        shell_quoted(source));
  }
  if (type == nullptr) return lines;
  if (gguf) lines += download_line(source);
  return lines + fmt::format("llama-quantize {}{} {} {} && ", gguf ? "--allow-requantize " : "",
                             shell_quoted(here(source)), shell_quoted(made_name(checkpoint, type)), type->name);
}

// A line of Python that loads the model with transformers, with what may lie where when a part goes to the host.
std::string python_line(const Candidate& candidate, const DeviceSet& devices, const Fit& fit) {
  std::string memory;
  if (fit.host) {
    for (std::size_t i = 0; i < devices.slots.size(); ++i) {
      memory += fmt::format("{}: \"{}MiB\", ", i, devices.slots[i].budget.safe / kMiB);
    }
    memory = fmt::format(", max_memory={{{}\"cpu\": \"{}MiB\"}}", memory, fit.host->budget.safe / kMiB);
  }
  const auto quoted = [](const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  const std::string& written = candidate.source().checkpoint.path;
  const auto place = place_of(written);
  const bool on_hub = place && place->kind == RemoteKind::HuggingFace;
  std::string path = quoted(on_hub ? place->name : here(written));
  if (on_hub && !place->revision.empty()) path += ", revision=" + quoted(place->revision);
  return "python -c " + shell_quoted(fmt::format("from transformers import AutoModelForCausalLM as M; "
                                                 "M.from_pretrained({}, dtype=\"auto\", device_map=\"auto\"{})",
                                                 path, memory));
}

// " -ctkd q8_0": the draft's cache, where it is not in the engine's default type.
std::string draft_types(const Run& run) {
  std::string flags;
  if (run.draft_key_type != Dtype::F16) flags += fmt::format(" -ctkd {}", cache_type_name({run.draft_key_type}));
  if (run.draft_value_type != Dtype::F16) flags += fmt::format(" -ctvd {}", cache_type_name({run.draft_value_type}));
  return flags;
}

// " --mmproj FILE", " -md FILE": what else the engine is to load.
std::string companion_flags(const Candidate& candidate, const Run& run) {
  std::string flags;
  for (const Companion& companion : candidate.companions()) {
    if (companion.role == CompanionRole::Prediction) {
      flags += " --spec-type draft-mtp" + draft_types(run);
      continue;
    }
    const std::string path = here(path_to_load(companion.model->checkpoint, candidate.engine(), nullptr));
    if (companion.role == CompanionRole::Projector) {
      flags += fmt::format(" --mmproj {}{}", shell_quoted(path), run.projector_on_host ? " --no-mmproj-offload" : "");
    } else if (candidate.engine() == Engine::Vllm) {
      const nlohmann::json config{{"model", path}, {"num_speculative_tokens", 5}};
      flags += " --speculative-config " +
               shell_quoted(config.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
      const bool llama_cpp = candidate.engine() == Engine::LlamaCpp;
      flags += fmt::format(" {} {}{}", candidate.engine() == Engine::Mlx ? "--draft-model" : "-md", shell_quoted(path),
                           llama_cpp ? draft_types(run) : "");
    }
  }
  return flags;
}

}  // namespace

std::string cache_type_text(Dtype key_type, Dtype value_type) {
  const std::string_view key = cache_type_name({key_type});
  const std::string_view value = cache_type_name({value_type});
  return key == value ? std::string(key) : fmt::format("{},{}", key, value);
}

std::string cache_type_text(const Run& run) {
  const std::string_view key = cache_type_name({run.key_type, run.scale_per_head}, run.engine);
  const std::string_view value = cache_type_name({run.value_type, run.scale_per_head}, run.engine);
  return key == value ? std::string(key) : fmt::format("{},{}", key, value);
}

std::optional<CacheType> cache_type_by_name(std::string_view name) {
  const auto* const row = std::ranges::find(kCacheTypes, name, &CacheTypeRow::name);
  return row == kCacheTypes.end() ? std::nullopt : std::optional(row->type);
}

bool takes_cache_type(Engine engine, CacheType type) {
  return std::ranges::any_of(
      kCacheTypes, [&](const CacheTypeRow& row) { return row.type == type && (row.engines & bit(engine)) != 0; });
}

std::string cache_types_listed(std::optional<Engine> engine) {
  std::string text;
  for (const CacheTypeRow& row : kCacheTypes) {
    if (engine && (row.engines & bit(*engine)) == 0) continue;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", row.name);
  }
  return text;
}

std::string command_line(const Candidate& candidate, const Run& run, const DeviceSet& devices, const Fit& fit) {
  if (candidate.run_model() == nullptr || fit.verdict > Verdict::Offload) return {};
  if (candidate.engine() == Engine::Transformers) return python_line(candidate, devices, fit);
  const EngineTraits& engine = traits_of(candidate.engine());
  const std::string path = path_to_load(candidate.source().checkpoint, candidate.engine(), candidate.type());
  std::string line =
      fmt::format("{}{} {}{}", make_lines(candidate), engine.program,
                  model_words(engine.model_flag, path, candidate.engine()), companion_flags(candidate, run));
  std::vector<std::string> flags = engine_flags(candidate, run, fit);
  flags.insert(flags.end(), fit.flags.begin(), fit.flags.end());
  for (const std::string& flag : flags) line += " " + flag;
  return line;
}

}  // namespace weigh::core
