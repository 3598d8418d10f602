#include "src/checkpoint/open_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "formats/error.h"
#include "src/checkpoint/cross_check.h"
#include "src/checkpoint/model_names.h"
#include "src/checkpoint/pipeline_index.h"
#include "src/checkpoint/resolved_path.h"
#include "src/source/file_names.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

std::shared_ptr<const nlohmann::json> read_json(const Folder& folder, const std::string& name, Checkpoint& checkpoint) {
  std::string problem;
  try {
    ParsedJson json = read_json(*folder.open(name), json_limits_of(name));
    if (json && json.value->is_object()) return std::move(json.value);
    problem = json ? fault(name, std::string("JSON of type ") + json.value->type_name(), "an object")
                   : fault(name, json.problem, "a JSON object");
  } catch (const Error& error) {
    problem = name + " " + error.what();
  }
  checkpoint.findings.push_back(Finding(FindingCode::ConfigUnreadable, Severity::Warning, problem).in(name));
  return nullptr;
}

std::shared_ptr<const nlohmann::json> first_json(const Folder& folder, const std::string& prefix,
                                                 std::span<const std::string_view> names, Checkpoint& checkpoint) {
  for (const std::string_view name : names) {
    const std::string file = prefix + std::string(name);
    if (folder.has(file)) return read_json(folder, file, checkpoint);
  }
  return nullptr;
}

// Of a pipeline that is meant as a whole.
std::vector<std::string> missing_components(const ResolvedPath& resolved) {
  std::vector<std::string> missing;
  const auto listed = resolved.whole_folder ? pipeline_components(resolved.folder) : std::nullopt;
  if (!listed) return missing;
  std::ranges::copy_if(*listed, std::back_inserter(missing), [&](const std::string& name) {
    return std::ranges::find(resolved.selections, name, &Selection::component) == resolved.selections.end();
  });
  return missing;
}

}  // namespace

Checkpoint open_selection(const Folder& folder, const Selection& selection) {
  Checkpoint checkpoint;
  checkpoint.name = selection.name;
  checkpoint.kind = selection.kind;
  checkpoint.component = selection.component;
  checkpoint.findings = selection.findings;
  for (Finding& finding : checkpoint.findings) {
    for (std::string& file : finding.files) {
      if (folder.has(file)) file = folder.path_of(file);
    }
  }
  for (const std::string& name : selection.files) {
    try {
      const auto source = folder.open(name);
      checkpoint.files.push_back(read_model_file(*source, without_zst(name)));
      checkpoint.files.back().name = name;
      checkpoint.file_paths.push_back(folder.path_of(name));
    } catch (const Error& error) {
      if (selection.files.size() == 1) throw;
      Finding& finding = checkpoint.findings.emplace_back(FindingCode::UnreadableShard, Severity::Error,
                                                          fmt::format("{}; all figures are without it", error.what()));
      finding.offset = error.offset;
      finding.file = name;
      finding.files = {folder.path_of(name)};
    }
  }
  if (checkpoint.files.empty()) throw FormatError(checkpoint.findings.back().message);
  cross_check(checkpoint, selection);
  if (checkpoint.files.front().format == Format::Safetensors) {
    const std::string prefix(folder_part(selection.files.front()));
    checkpoint.config = first_json(folder, prefix, kConfigNames, checkpoint);
    checkpoint.quantization_config = first_json(folder, prefix, kQuantizationConfigNames, checkpoint);
    checkpoint.tokenizer_config = first_json(folder, prefix, kTokenizerConfigNames, checkpoint);
    if (checkpoint.kind == CheckpointKind::Adapter) {
      checkpoint.adapter_config = first_json(folder, prefix, kAdapterConfigNames, checkpoint);
    }
    checkpoint.chat_template_file = std::ranges::any_of(
        kChatTemplateNames, [&](std::string_view name) { return folder.has(prefix + std::string(name)); });
    checkpoint.sentence_modules = folder.has(prefix + std::string(kSentenceModulesName));
  }
  return checkpoint;
}

void fetch_ahead(const Folder& folder, std::span<const Selection> selections, Vocabularies vocabularies) {
  if (!folder.remote) return;
  constexpr std::size_t kFew = 2;
  const bool all_ggufs =
      std::ranges::all_of(selections, [](const Selection& selection) { return is_gguf_name(selection.files.front()); });
  std::set<std::string> names;
  for (const Selection& selection : selections) {
    names.insert(selection.files.begin(), selection.files.end());
    if (!is_safetensors_name(selection.files.front())) continue;
    const std::string prefix(folder_part(selection.files.front()));
    const auto add_first = [&](std::span<const std::string_view> sides) {
      for (const std::string_view side : sides) {
        const std::string name = prefix + std::string(side);
        if (folder.has(name)) return static_cast<void>(names.insert(name));
      }
    };
    add_first(kConfigNames);
    add_first(kQuantizationConfigNames);
    add_first(kTokenizerConfigNames);
    if (selection.kind == CheckpointKind::Adapter) add_first(kAdapterConfigNames);
  }
  if (vocabularies == Vocabularies::Shared && all_ggufs && selections.size() > kFew) {
    return folder.remote->fetch_alike({names.begin(), names.end()});
  }
  folder.fetch_ahead({names.begin(), names.end()});
}

Failure failure_of(const Folder& folder, const FolderModels::Failure& failure) {
  std::string path = failure.prefix.empty() ? folder.path : folder.path_of(failure.prefix);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  try {
    std::rethrow_exception(failure.error);
  } catch (const Error& error) {
    return {std::move(path), error.what(), error.offset};
  }
}

namespace {

// `path`: what the user named.
void open_resolved(const ResolvedPath& resolved, const std::string& path, OpenResult& opened) {
  for (const FolderModels::Failure& failure : resolved.failures) {
    opened.failures.push_back(failure_of(resolved.folder, failure));
  }
  fetch_ahead(resolved.folder, resolved.selections, Vocabularies::Shared);
  for (const Selection& selection : resolved.selections) {
    const std::string shown = shown_path(resolved, selection, path);
    try {
      opened.checkpoints.push_back(open_selection(resolved.folder, selection));
      opened.checkpoints.back().path = shown;
      opened.checkpoints.back().named_by_store = !resolved.manifest.empty();
      opened.checkpoints.back().header_only = resolved.header_only;
    } catch (const Error& error) {
      opened.failures.push_back({shown, error.what(), error.offset});
    }
  }
  if (resolved.manifest.empty()) opened.missing_components = missing_components(resolved);
}

}  // namespace

OpenResult open_checkpoints(const std::string& named) {
  OpenResult opened;
  std::string& path = opened.path;
  path = named;
  try {
    path = locate_model(named);
    if (auto store = resolve_store(path)) {
      opened.failures = std::move(store->failures);
      for (const ResolvedPath& model : store->models) open_resolved(model, path, opened);
      if (!opened.checkpoints.empty() || !opened.failures.empty()) return opened;
    }
    const ResolvedPath resolved = resolve_path(path);
    if (resolved.selections.empty()) throw IoError(explain_no_model(resolved.folder));
    open_resolved(resolved, path, opened);
  } catch (const Error& error) {
    opened.failures.push_back({path, error.what(), error.offset});
  }
  return opened;
}

}  // namespace weigh::core
