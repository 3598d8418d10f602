// How a run is said to an engine.
#include "src/fit/engine_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace weigh::core {

namespace {

constexpr std::array kCacheTypes{
    std::pair{Dtype::F32, std::string_view("f32")},       std::pair{Dtype::F16, std::string_view("f16")},
    std::pair{Dtype::BF16, std::string_view("bf16")},     std::pair{Dtype::Q8_0, std::string_view("q8_0")},
    std::pair{Dtype::Q5_1, std::string_view("q5_1")},     std::pair{Dtype::Q5_0, std::string_view("q5_0")},
    std::pair{Dtype::Q4_1, std::string_view("q4_1")},     std::pair{Dtype::Q4_0, std::string_view("q4_0")},
    std::pair{Dtype::IQ4_NL, std::string_view("iq4_nl")}, std::pair{Dtype::F8_E4M3, std::string_view("fp8")},
};

std::string_view cache_type_name(Dtype type) {
  const auto row = std::ranges::find(kCacheTypes, type, &std::pair<Dtype, std::string_view>::first);
  return row == kCacheTypes.end() ? name(type) : row->second;
}

using Flags = std::vector<std::string>;

void append(Flags& flags, std::initializer_list<std::string> more) { flags.insert(flags.end(), more); }

Flags llama_cpp_flags(const Candidate& candidate, const Run& run) {
  const Run standard;
  Flags flags{"-c", std::to_string(candidate.context(run))};
  if (run.key_type != Dtype::F16) append(flags, {"-ctk", std::string(cache_type_name(run.key_type))});
  if (run.value_type != Dtype::F16) append(flags, {"-ctv", std::string(cache_type_name(run.value_type))});
  // llama-server has four slots unless it is told.
  append(flags, {"-np", std::to_string(run.sequences)});
  if (run.unified_cache) append(flags, {"-kvu"});
  if (run.micro_batch != standard.micro_batch) append(flags, {"-ub", std::to_string(run.micro_batch)});
  append(flags, {"-fa", run.flash_attention ? "on" : "off"});
  if (run.full_window_cache) append(flags, {"--swa-full"});
  return flags;
}

Flags vllm_flags(const Candidate& candidate, const Run& run) {
  const std::uint64_t sequences = std::max<std::uint64_t>(run.sequences, 1);
  Flags flags{"--max-model-len", std::to_string(candidate.context(run) / sequences), "--max-num-seqs",
              std::to_string(sequences)};
  if (run.key_type == Dtype::F8_E4M3) append(flags, {"--kv-cache-dtype", "fp8"});
  return flags;
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

// What an engine is given to load: the first file of a GGUF model, a checkpoint's folder, or `placeholder` for a GGUF
// that is still to be made.
std::string path_to_load(const Model& model, Engine engine, const QuantizerType* type, std::string_view placeholder) {
  const Checkpoint& checkpoint = model.checkpoint;
  const bool gguf = checkpoint.files.front().format == Format::Gguf;
  if (engine == Engine::LlamaCpp && (!gguf || type != nullptr)) {
    return fmt::format("{}{}.gguf", placeholder, type == nullptr ? "" : "-" + std::string(type->name));
  }
  return gguf && !checkpoint.file_paths.empty() ? checkpoint.file_paths.front() : checkpoint.path;
}

// " --mmproj FILE", " -md FILE": what else the engine is to load.
std::string companion_flags(const Candidate& candidate, const Run& run) {
  std::string flags;
  for (const Companion& companion : candidate.companions()) {
    const std::string path = path_to_load(*companion.model, candidate.engine(), nullptr, "DRAFT");
    if (companion.role == CompanionRole::Projector) {
      flags += fmt::format(" --mmproj {}{}", shell_quoted(path), run.projector_on_host ? " --no-mmproj-offload" : "");
    } else if (candidate.engine() == Engine::Vllm) {
      const nlohmann::json config{{"model", path}, {"num_speculative_tokens", 5}};
      flags += " --speculative-config " +
               shell_quoted(config.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
      flags += fmt::format(" {} {}", candidate.engine() == Engine::Mlx ? "--draft-model" : "-md", shell_quoted(path));
    }
  }
  return flags;
}

}  // namespace

std::string cache_type_text(const Run& run) {
  const std::string_view key = cache_type_name(run.key_type);
  const std::string_view value = cache_type_name(run.value_type);
  return key == value ? std::string(key) : fmt::format("{},{}", key, value);
}

std::optional<Dtype> cache_type_by_name(std::string_view name) {
  const auto row = std::ranges::find(kCacheTypes, name, &std::pair<Dtype, std::string_view>::second);
  return row == kCacheTypes.end() ? std::nullopt : std::optional(row->first);
}

bool takes_cache_type(Engine engine, Dtype type) {
  if (engine == Engine::LlamaCpp) return type != Dtype::F8_E4M3;
  if (type == Dtype::F8_E4M3) return engine == Engine::Vllm;
  return type == Dtype::F16 || type == Dtype::BF16 || (type == Dtype::F32 && engine != Engine::Vllm);
}

std::string cache_types_listed(std::optional<Engine> engine) {
  std::string text;
  for (const auto& [type, written] : kCacheTypes) {
    if (!engine || takes_cache_type(*engine, type)) text += fmt::format("{}{}", text.empty() ? "" : ", ", written);
  }
  return text;
}

std::vector<std::string> engine_flags(const Candidate& candidate, const Run& run) {
  if (candidate.engine() == Engine::LlamaCpp) return llama_cpp_flags(candidate, run);
  if (candidate.engine() == Engine::Vllm) return vllm_flags(candidate, run);
  return {};
}

std::string command_line(const Candidate& candidate, const Run& run, const Fit& fit) {
  struct Program {
    Engine engine;
    std::string_view words;
  };
  constexpr std::array kPrograms{Program{Engine::LlamaCpp, "llama-server -m"}, Program{Engine::Vllm, "vllm serve"},
                                 Program{Engine::Mlx, "mlx_lm.server --model"}};
  const auto program = std::ranges::find(kPrograms, candidate.engine(), &Program::engine);
  if (program == kPrograms.end() || candidate.run_model() == nullptr) return {};
  if (fit.verdict > Verdict::Offload) return {};
  const std::string path = path_to_load(candidate.source(), candidate.engine(), candidate.type(), "MODEL");
  std::string line = fmt::format("{} {}{}", program->words, shell_quoted(path), companion_flags(candidate, run));
  std::vector<std::string> flags = engine_flags(candidate, run);
  flags.insert(flags.end(), fit.flags.begin(), fit.flags.end());
  for (const std::string& flag : flags) line += " " + flag;
  return line;
}

}  // namespace weigh::core
