// What do the chat templates reach for, and do they lie where one looks for them?

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "formats/error.h"
#include "src/audit/audited_files.h"
#include "src/audit/chat_template.h"
#include "src/audit/checks.h"
#include "src/audit/loader_code.h"

namespace weigh::core {

namespace {

struct FoundTemplate {
  std::string file;
  std::string text;
  bool usual_place = true;
};

// Of a GGUF file's keys, and of the __metadata__ of a safetensors file.
void add_from_headers(const Model& model, std::vector<FoundTemplate>& templates) {
  for (const ModelFile& file : model.checkpoint.files) {
    for (const MetadataEntry& entry : file.metadata.entries) {
      const bool usual = entry.key.starts_with("tokenizer.chat_template");
      if (!usual && entry.key.find("chat_template") == std::string_view::npos) continue;
      if (entry.type != ValueType::String) continue;
      templates.push_back({file.name, std::string(file.metadata.string(entry.key).value_or("")), usual});
    }
  }
}

// A text, a list of {"name", "template"}, or an object of texts.
void add_from_json(const AuditInput& input, const std::string& name, std::vector<FoundTemplate>& templates) {
  constexpr auto kNames = std::to_array<std::string_view>({"chat_template", "chat_templates"});
  constexpr auto kUsual = std::to_array<std::string_view>({"tokenizer_config.json", "chat_template.json"});
  constexpr std::size_t kMost = 256;
  const nlohmann::json json = read_json_file(*input.folder, name);
  const bool usual = std::ranges::find(kUsual, base_name(name)) != kUsual.end();
  for (const FoundMember& found : members_named(json, kNames)) {
    for (std::string& text : strings_in(*found.value, kMost)) templates.push_back({name, std::move(text), usual});
  }
}

std::vector<FoundTemplate> templates_of(const AuditInput& input) {
  std::vector<FoundTemplate> templates;
  if (input.model != nullptr) add_from_headers(*input.model, templates);
  if (!input.as_folder) return templates;
  for (const std::string& name : input.every_name) {
    const std::string_view base = base_name(name);
    if (base.ends_with(".jinja") || base.ends_with(".jinja2") || base.ends_with(".j2")) {
      if (auto text = read_small_file(*input.folder, name)) templates.push_back({name, std::move(*text)});
    } else if (is_loader_config(base)) {
      add_from_json(input, name, templates);
    }
  }
  return templates;
}

void check_templates(const AuditInput& input, std::vector<std::string> TemplateFaults::*which, std::string_view words,
                     const FindingReporter& reporter) {
  for (const FoundTemplate& found : templates_of(input)) {
    const TemplateFaults faults = find_template_faults(found.text);
    const std::vector<std::string>& list = faults.*which;
    if (!list.empty())
      reporter.report(fmt::format("a chat template {} {}", words, fmt::join(list, ", ")), {.file = found.file});
  }
}

}  // namespace

void check_template_escape(const AuditInput& input, const FindingReporter& reporter) {
  check_templates(input, &TemplateFaults::escapes, "reaches out of the template:", reporter);
}

void check_template_unusual(const AuditInput& input, const FindingReporter& reporter) {
  check_templates(input, &TemplateFaults::unusual, "uses what none needs:", reporter);
}

void check_template_place(const AuditInput& input, const FindingReporter& reporter) {
  std::string last;
  for (const FoundTemplate& found : templates_of(input)) {
    if (found.usual_place || found.file == last) continue;
    last = found.file;
    reporter.report(fmt::format("{} holds a chat template, which few look for there", quote(found.file)),
                    {.file = found.file});
  }
}

}  // namespace weigh::core
