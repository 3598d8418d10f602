// Is the model safe to load? Checks for what can run code, and for chat templates that reach into Python.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "formats/error.h"
#include "formats/little_endian.h"
#include "src/audit/audited_files.h"
#include "src/audit/chat_template.h"
#include "src/audit/checks.h"
#include "src/audit/pickle.h"
#include "src/model/config.h"

namespace weigh::core {

namespace {

constexpr auto kPickleEndings = std::to_array<std::string_view>(
    {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".dill", ".pt2", ".model", ".data"});

bool ends_with_any(std::string_view name, std::span<const std::string_view> endings) {
  return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

std::vector<std::string> pickles_of(const AuditInput& input) {
  std::vector<std::string> pickles;
  if (!input.as_folder) return pickles;
  constexpr std::size_t kHead = 64UL * 1024;
  for (const std::string& name : input.every_name) {
    if (!ends_with_any(name, kPickleEndings)) continue;
    const auto head = read_head(*input.folder, name, kHead);
    if (head && begins_like_pickle(*head)) pickles.push_back(name);
  }
  return pickles;
}

// Readers of zip archives begin at the end-of-directory record, which leads to the directory.
bool ends_like_zip(ByteSource& source) {
  constexpr std::uint64_t kRecord = 22;
  constexpr std::uint64_t kMaxComment = 65535;
  if (source.available() < source.size() || source.size() < kRecord) return false;
  const std::uint64_t tail = std::min(source.size(), kRecord + kMaxComment);
  std::string text(static_cast<std::size_t>(tail), '\0');
  source.read(source.size() - tail, std::as_writable_bytes(std::span(text)));
  const auto number = [&](std::size_t at, std::size_t width) {
    return load_little_endian(std::string_view(text).substr(at, width));
  };
  for (std::size_t at = text.rfind("PK\x05\x06"); at != std::string::npos;
       at = at == 0 ? std::string::npos : text.rfind("PK\x05\x06", at - 1)) {
    if (text.size() - at < kRecord || number(at + 20, 2) != text.size() - at - kRecord) continue;
    const std::uint64_t record_at = source.size() - tail + at;
    const std::uint64_t directory = number(at + 12, 4);
    if (directory > record_at) continue;
    if (directory == 0) return number(at + 10, 2) == 0;  // an empty archive
    std::array<char, 4> first{};
    source.read(record_at - directory, std::as_writable_bytes(std::span(first)));
    if (std::string_view(first.data(), first.size()) == "PK\x01\x02") return true;
  }
  return false;
}

struct FoundTemplate {
  std::string file;
  std::string text;
};

void add_templates(const std::string& file, const nlohmann::json* value, std::vector<FoundTemplate>& templates) {
  if (value == nullptr) return;
  if (value->is_string()) templates.push_back({file, value->get<std::string>()});
  if (value->is_object()) {
    for (const nlohmann::json& entry : *value) {
      if (entry.is_string()) templates.push_back({file, entry.get<std::string>()});
    }
  }
  if (!value->is_array()) return;
  for (const nlohmann::json& entry : *value) {  // a list of {"name", "template"}
    const nlohmann::json* text = member(entry, "template");
    if (text != nullptr && text->is_string()) templates.push_back({file, text->get<std::string>()});
  }
}

std::vector<FoundTemplate> templates_of(const AuditInput& input) {
  std::vector<FoundTemplate> templates;
  if (input.model != nullptr) {
    for (const ModelFile& file : input.model->checkpoint.files) {
      for (const MetadataEntry& entry : file.metadata.entries) {
        if (!entry.key.starts_with("tokenizer.chat_template") || entry.type != ValueType::String) continue;
        templates.push_back({file.name, std::string(file.metadata.string(entry.key).value_or(""))});
      }
    }
  }
  if (!input.as_folder) return templates;
  for (const std::string& name : input.folder->names) {
    const std::string_view base = base_name(name);
    if (base.ends_with(".jinja") || base.ends_with(".jinja2")) {
      if (const auto text = read_small_file(*input.folder, name)) templates.push_back({name, *text});
    } else if (base == "tokenizer_config.json" || base == "chat_template.json" || base == "processor_config.json") {
      const nlohmann::json json = read_json_file(*input.folder, name);
      add_templates(name, member(json, "chat_template"), templates);
    }
  }
  return templates;
}

void check_templates(const AuditInput& input, std::vector<std::string> TemplateFaults::*which, std::string_view words,
                     const FindingReporter& reporter) {
  for (const auto& [file, text] : templates_of(input)) {
    const TemplateFaults faults = find_template_faults(text);
    const std::vector<std::string>& list = faults.*which;
    if (!list.empty())
      reporter.report(fmt::format("a chat template {} {}", words, fmt::join(list, ", ")), {.file = file});
  }
}

}  // namespace

void check_pickle_beside(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.has_models) return;
  for (const std::string& name : pickles_of(input)) {
    reporter.report(fmt::format("{} is a pickle: whoever loads it runs what is inside", quote(name)), {.file = name});
  }
}

void check_pickle_in_place(const AuditInput& input, const FindingReporter& reporter) {
  if (input.has_models) return;
  for (const std::string& name : pickles_of(input)) {
    reporter.report(fmt::format("{} is a pickle, and there are no other weights: whoever loads it runs what is inside",
                                quote(name)),
                    {.file = name});
  }
}

void check_polyglot(const AuditInput& input, const FindingReporter& reporter) {
  if (input.model == nullptr) return;
  for (const ModelFile& file : input.model->checkpoint.files) {
    const std::string_view header(reinterpret_cast<const char*>(file.header.data.get()),
                                  static_cast<std::size_t>(file.header.size));
    if (is_calling_pickle(header)) {
      reporter.report(fmt::format("{} begins as a pickle that calls something: another program may load it as one",
                                  quote(file.name)),
                      {.file = file.name, .offset = 0});
    }
    if (input.header_only) continue;
    try {
      if (ends_like_zip(*input.folder->open(file.name))) {
        reporter.report(
            fmt::format("{} ends as a zip archive does: another program may open it as one", quote(file.name)),
            {.file = file.name});
      }
    } catch (const Error&) {  // it has shrunk since, or cannot be unpacked
      continue;
    }
  }
}

void check_auto_map(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder) return;
  for (const std::string& name : input.folder->names) {
    if (!name.ends_with("config.json")) continue;
    const nlohmann::json json = read_json_file(*input.folder, name);
    for (const std::string_view path :
         {"auto_map", "text_config.auto_map", "vision_config.auto_map", "custom_pipelines"}) {
      const nlohmann::json* map = member(json, path);
      if (map == nullptr || map->empty()) continue;
      std::vector<std::string> classes;
      for (const nlohmann::json& entry : *map) {
        if (entry.is_string() && classes.size() < 3) classes.push_back(entry.get<std::string>());
      }
      reporter.report(fmt::format("{} has {}{}{}: with trust_remote_code a loader runs that code", name, path,
                                  classes.empty() ? "" : " to ", fmt::join(classes, ", ")),
                      {.file = name});
    }
  }
}

void check_code_file(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder) return;
  const auto& names = input.folder->names;
  // Loaders of GGUF run no code. Only folders that Python loads matter.
  const bool python = std::ranges::any_of(names, [](const std::string& name) {
    return name.ends_with("config.json") || name.ends_with(".safetensors") || name == "model_index.json";
  });
  if (!python) return;
  constexpr auto kCode = std::to_array<std::string_view>({".py", ".pyc", ".so", ".pyd"});
  for (const std::string& name : input.every_name) {
    if (!ends_with_any(name, kCode)) continue;
    reporter.report(fmt::format("{} is code that a loader may be asked to run", quote(name)), {.file = name});
  }
}

void check_template_escape(const AuditInput& input, const FindingReporter& reporter) {
  check_templates(input, &TemplateFaults::escapes, "reaches out of the template:", reporter);
}

void check_template_unusual(const AuditInput& input, const FindingReporter& reporter) {
  check_templates(input, &TemplateFaults::unusual, "uses what none needs:", reporter);
}

}  // namespace weigh::core
