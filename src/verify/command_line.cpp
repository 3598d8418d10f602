// Settings that llama.cpp's programs do not print, from the command that a log may hold.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "formats/text.h"
#include "src/verify/line_table.h"

namespace weigh::core {
namespace {

constexpr std::size_t kMostWords = 512;

/// The words of a shell, quotes taken away. No more than that: nothing is run.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  bool open = false;
  for (const char c : line) {
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      open = true;
    } else if (c == ' ' || c == '\t') {
      if (open || !word.empty()) words.push_back(std::exchange(word, {}));
      open = false;
      if (words.size() == kMostWords) return words;
    } else {
      word += c;
    }
  }
  if (open || !word.empty()) words.push_back(word);
  return words;
}

std::optional<std::uint64_t> count_of(const std::string& word) {
  const auto number = parse_uint(word);
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;
  return number && *number <= kMost ? number : std::nullopt;
}

void set_proportions(const std::string& word, LogSettings& settings) {
  constexpr std::uint64_t kParts = 1000;
  constexpr std::size_t kMostDevices = 64;
  settings.proportions.clear();
  std::string_view rest = word;
  while (!rest.empty() && settings.proportions.size() < kMostDevices) {
    const std::size_t end = std::min(rest.find_first_of(",/"), rest.size());
    const auto share = parse_scaled(rest.substr(0, end), kParts);
    if (!share || *share > kParts * kParts) return settings.proportions.clear();
    settings.proportions.push_back(static_cast<double>(*share));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

/// An option that no line of the engine tells.
struct CommandFlag {
  std::string_view flag;
  std::string_view other;
  void (*take)(const std::string& word, LogSettings& settings);  ///< null: it has no value
};

constexpr std::array kFlags{
    CommandFlag{"-ctk", "--cache-type-k", [](const std::string& w, LogSettings& s) { s.key_type = lower(w); }},
    CommandFlag{"-ctv", "--cache-type-v", [](const std::string& w, LogSettings& s) { s.value_type = lower(w); }},
    CommandFlag{"-ncmoe", "--n-cpu-moe", [](const std::string& w, LogSettings& s) { s.cpu_moe_layers = count_of(w); }},
    CommandFlag{"-ts", "--tensor-split", set_proportions},
    CommandFlag{"-c", "--ctx-size", [](const std::string& w, LogSettings& s) { s.context = count_of(w); }},
    CommandFlag{"-ub", "--ubatch-size", [](const std::string& w, LogSettings& s) { s.micro_batch = count_of(w); }},
    CommandFlag{"-b", "--batch-size", [](const std::string& w, LogSettings& s) { s.batch = count_of(w); }},
    CommandFlag{"-np", "--parallel", [](const std::string& w, LogSettings& s) { s.sequences = count_of(w); }},
    CommandFlag{"-ngl", "--n-gpu-layers", [](const std::string& w, LogSettings& s) { s.gpu_layers = count_of(w); }},
    CommandFlag{"-fa", "--flash-attn",
                [](const std::string& w, LogSettings& s) {
                  if (w == "on" || w == "1") s.flash_attention = true;
                  if (w == "off" || w == "0") s.flash_attention = false;
                }},
};

constexpr std::array<std::string_view, 7> kPrograms{
    "llama-server", "llama-cli", "llama-fit-params", "llama-run", "llama-bench", "llama-perplexity", "ollama"};

bool is_program(std::string_view word) {
  const std::size_t slash = word.find_last_of("/\\");
  if (slash != std::string_view::npos) word.remove_prefix(slash + 1);
  if (word.ends_with(".exe")) word.remove_suffix(4);
  return std::ranges::find(kPrograms, word) != kPrograms.end();
}

}  // namespace

void take_command_line(std::string_view line, LogBuilder& log) {
  const auto named = [&](std::string_view program) { return line.find(program) != std::string_view::npos; };
  if (std::ranges::none_of(kPrograms, named) || line.find(" -") == std::string_view::npos) return;
  const std::vector<std::string> words = words_of(line);
  const auto program = std::ranges::find_if(words, is_program);
  if (program == words.end()) return;
  LogSettings settings;
  std::string path;
  for (auto word = program + 1; word < words.end(); ++word) {
    const bool more = word + 1 < words.end();
    if (*word == "--swa-full") settings.full_window_cache = true;
    if (*word == "-kvu" || *word == "--kv-unified") settings.unified_cache = true;
    if (more && (*word == "-m" || *word == "--model")) path = *(word + 1);
    for (const CommandFlag& flag : kFlags) {
      if (more && (*word == flag.flag || *word == flag.other)) flag.take(*(word + 1), settings);
    }
  }
  if (path.empty()) return;
  log.set_engine(Engine::LlamaCpp);
  log.set_command(settings, path);
}

}  // namespace weigh::core
