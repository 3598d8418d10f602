#include "src/audit/audit.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>

#include "formats/error.h"
#include "src/audit/audited_files.h"
#include "src/audit/check_content.h"
#include "src/audit/unpacked.h"
#include "src/checkpoint/model_names.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/checkpoint/resolved_path.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

// Of the files below a folder.
constexpr std::size_t kMostNames = 100'000;

void list_unfinished(const fs::path& folder, const std::string& prefix, std::vector<std::string>& names) {
  constexpr std::size_t kMax = 1000;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end && names.size() < kMax;
       entry.increment(error)) {
    const std::string name = entry->path().lexically_relative(folder).string();
    if (is_unfinished_name(name)) names.push_back(prefix + name);
  }
}

// In the folder, in the hidden folder of a download into it, and in the cache that a snapshot links to.
std::vector<std::string> unfinished_downloads(const ResolvedPath& resolved) {
  std::vector<std::string> names;
  const auto own = [&](const std::string& name) {
    if (resolved.whole_folder) return true;
    return std::ranges::any_of(resolved.selections.front().files,
                               [&](const std::string& file) { return name.starts_with(file); });
  };
  for (const std::string& name : resolved.folder.names) {
    if (is_unfinished_name(name) && own(name)) names.push_back(name);
  }
  if (!resolved.whole_folder || resolved.header_only || resolved.folder.remote) return names;
  list_unfinished(fs::path(resolved.folder.path) / ".cache/huggingface/download", ".cache/huggingface/download/",
                  names);
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(resolved.folder.path, error);
  if (whole.parent_path().filename() == kHubSnapshots) {
    list_unfinished(whole.parent_path().parent_path() / kHubBlobs, "../../blobs/", names);
  }
  return names;
}

bool can_run(const Check& check, const AuditInput& input, bool deep) {
  const auto is = [&](Format format) {
    return input.model != nullptr && input.model->checkpoint.files.front().format == format;
  };
  if (check.group == CheckGroup::Deep && !deep) return false;
  switch (check.needs) {
    case CheckInput::Reading: return true;
    case CheckInput::Folder: return input.folder != nullptr;
    case CheckInput::Model: return input.model != nullptr;
    case CheckInput::Gguf: return is(Format::Gguf);
    case CheckInput::Safetensors: return is(Format::Safetensors);
  }
  return false;
}

// Removes findings that another one explains, such as an unreadable shard that is a git-lfs pointer.
void drop_explained(std::vector<Finding>& findings) {
  const auto explained = [&](const Finding& finding, FindingCode by) {
    return std::ranges::any_of(findings, [&](const Finding& other) {
      return other.code == by && (finding.file.empty() || other.file == finding.file);
    });
  };
  std::vector<Finding> kept;
  for (const Finding& finding : findings) {
    const bool is_of_reading =
        finding.code == FindingCode::UnreadableShard || finding.code == FindingCode::ConfigUnreadable;
    const bool unread =
        is_of_reading && (explained(finding, FindingCode::LfsPointer) || explained(finding, FindingCode::EmptyFile) ||
                          explained(finding, FindingCode::DanglingLink));
    const bool swapped =
        finding.code == FindingCode::TensorInTwoShards && explained(finding, FindingCode::ShardsSwapped);
    if (!unread && !swapped) kept.push_back(finding);
  }
  findings = std::move(kept);
}

// The error that ended the reading, as a finding.
Finding as_finding(const Error& error) {
  const bool bad_format = dynamic_cast<const FormatError*>(&error) != nullptr;
  Finding finding(error.code.value_or(bad_format ? FindingCode::InvalidHeader : FindingCode::Unreadable),
                  Severity::Error, error.what());
  finding.offset = error.offset;
  return finding;
}

// `reading_error`: why a model could not be read.
Audit run_checks(std::string path, const AuditInput& input, const std::optional<Finding>& reading_error,
                 const AuditOptions& options) {
  Audit audit;
  audit.path = std::move(path);
  std::vector<Finding> found;
  FindingLog log(found);
  for (const Check& check : checks()) {
    if (!can_run(check, input, options.deep)) continue;
    audit.checks_run.push_back(name_of(check.code));
    if (check.run != nullptr) check.run(input, FindingReporter(check, log));
  }
  log.finish();
  if (options.deep) std::ranges::move(check_content(input, options), std::back_inserter(found));

  // A check may have found what stopped the reader, such as an empty file.
  if (reading_error && std::ranges::find(found, reading_error->code, &Finding::code) == found.end()) {
    audit.findings.push_back(*reading_error);
  }
  if (input.model != nullptr) {
    audit.files = input.model->checkpoint.file_paths;
    audit.findings.insert(audit.findings.end(), input.model->findings.begin(), input.model->findings.end());
  }
  std::ranges::move(found, std::back_inserter(audit.findings));
  drop_explained(audit.findings);
  std::ranges::stable_sort(audit.findings, std::greater<>{}, &Finding::severity);
  return audit;
}

Audit audit_selection(const ResolvedPath& resolved, const Selection& selection, const std::string& shown,
                      AuditInput input, const AuditOptions& options) {
  input.selection = &selection;
  std::optional<Finding> reading_error;
  std::optional<Model> model;
  try {
    Checkpoint checkpoint = open_selection(resolved.folder, selection);
    checkpoint.path = shown;
    checkpoint.header_only = resolved.header_only;
    model = describe(std::move(checkpoint));
    input.model = &*model;
  } catch (const Error& error) {
    reading_error = as_finding(error);
  }
  Audit audit = run_checks(shown, input, reading_error, options);
  if (audit.files.empty()) {
    for (const std::string& name : selection.files) audit.files.push_back(resolved.folder.path_of(name));
  }
  return audit;
}

// Where the path names a file, the other models of its folder are not audited.
void keep_only(const std::vector<Selection>& selections, Folder& folder) {
  std::erase_if(folder.names, [&](const std::string& name) {
    return is_weights_name(name) && std::ranges::none_of(selections, [&](const Selection& selection) {
             return std::ranges::find(selection.files, name) != selection.files.end();
           });
  });
}

// The headers of weight files that belong to no model of the folder: copies, variants, leftovers.
std::vector<ModelFile> read_left_out(const ResolvedPath& resolved) {
  constexpr std::size_t kMax = 256;
  std::set<std::string_view> taken;
  for (const Selection& selection : resolved.selections) taken.insert(selection.files.begin(), selection.files.end());
  std::vector<ModelFile> files;
  for (const std::string& name : resolved.folder.names) {
    if (files.size() == kMax) break;
    if (!is_weights_name(name) || taken.contains(name)) continue;
    try {
      files.push_back(read_model_file(*resolved.folder.open(name), without_zst(name)));
      files.back().name = name;
    } catch (const Error&) {  // nothing of the model depends on it
      continue;
    }
  }
  return files;
}

Finding as_finding(const FolderModels::Failure& failure) {
  try {
    std::rethrow_exception(failure.error);
  } catch (const Error& error) {
    return as_finding(error);
  }
}

// For a path of which not even the model's files are known.
Audit audit_failure(const std::string& path, const Finding& reading_error, const AuditOptions& options) {
  AuditInput input;
  ResolvedPath resolved;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    try {
      resolved.folder = local_folder(path);
      resolved.whole_folder = true;
      input.folder = &resolved.folder;
      input.as_folder = true;
      input.every_name = every_name(resolved.folder, kMostNames);
      input.has_models = std::ranges::any_of(resolved.folder.names, is_weights_name);
      input.unfinished_downloads = unfinished_downloads(resolved);
    } catch (const Error&) {  // it cannot be listed: the finding says so
      input.folder = nullptr;
    }
  }
  return run_checks(path, input, reading_error, options);
}

// Headers and small files of what lies on a server: checks look at each, one after the other.
void begin_remote(const ResolvedPath& resolved) {
  if (!resolved.folder.remote) return;
  fetch_ahead(resolved.folder, resolved.selections, Vocabularies::Each);
  std::vector<std::string> names = resolved.folder.remote->all_names;
  std::erase_if(names, is_weights_name);
  resolved.folder.fetch_ahead(names);
}

// The models that one path names, after the folder itself where there are several in it.
std::vector<Audit> audit_resolved(const std::string& path, ResolvedPath resolved, const AuditOptions& options) {
  if (!resolved.whole_folder) keep_only(resolved.selections, resolved.folder);
  begin_remote(resolved);
  AuditInput input;
  input.folder = &resolved.folder;
  input.header_only = resolved.header_only;
  input.has_models = true;
  const std::vector<ModelFile> left_out = read_left_out(resolved);
  input.left_out = &left_out;
  input.unfinished_downloads = unfinished_downloads(resolved);
  const bool loads_as_folder =
      resolved.whole_folder ||
      (resolved.folder.has("config.json") && is_safetensors_name(resolved.selections.front().files.front()));
  const bool is_one = resolved.selections.size() == 1 && resolved.failures.empty();
  std::vector<Audit> audits;
  if (!is_one && resolved.whole_folder) {
    AuditInput whole = input;
    whole.as_folder = true;
    whole.every_name = every_name(resolved.folder, kMostNames);
    std::optional<Finding> reading_error;
    for (const FolderModels::Failure& failure : resolved.failures) {
      if (failure.prefix.empty()) reading_error = as_finding(failure);
    }
    audits.push_back(run_checks(path, whole, reading_error, options));
  }
  for (const FolderModels::Failure& failure : resolved.failures) {
    if (failure.prefix.empty() && resolved.whole_folder) continue;
    AuditInput part;
    part.folder = &resolved.folder;
    part.has_models = true;
    audits.push_back(run_checks(failure_of(resolved.folder, failure).path, part, as_finding(failure), options));
  }
  input.as_folder = is_one && loads_as_folder;
  if (input.as_folder) input.every_name = every_name(resolved.folder, kMostNames);
  if (!is_one) input.unfinished_downloads.clear();
  for (const Selection& selection : resolved.selections) {
    audits.push_back(audit_selection(resolved, selection, shown_path(resolved, selection, path), input, options));
  }
  return audits;
}

// The store's folder itself, then each model of a manifest.
std::vector<Audit> audit_store(const std::string& path, ResolvedStore store, const AuditOptions& options) {
  std::vector<Audit> audits;
  const bool beside = !store.models.empty() && store.models.front().manifest.empty();
  std::error_code error;
  if (!beside && fs::is_directory(path, error)) {
    ResolvedPath folder{.folder = local_folder(path), .selections = {}, .whole_folder = true};
    // Blobs of a model are looked at, and read, with it.
    std::set<std::string> blobs;
    for (const ResolvedPath& model : store.models) {
      for (const auto& [name, blob] : model.folder.places) blobs.insert(blob);
    }
    std::erase_if(folder.folder.names,
                  [&](const std::string& name) { return blobs.contains(folder.folder.path_of(name)); });
    AuditInput input;
    input.folder = &folder.folder;
    input.as_folder = true;
    input.every_name = folder.folder.names;
    input.has_models = true;
    input.unfinished_downloads = unfinished_downloads(folder);
    audits.push_back(run_checks(path, input, std::nullopt, options));
  }
  for (const Failure& failure : store.failures) {
    Finding finding(FindingCode::Unreadable, Severity::Error, failure.message);
    finding.offset = failure.offset;
    audits.push_back(run_checks(failure.path, {}, finding, options));
  }
  for (ResolvedPath& model : store.models) {
    std::ranges::move(audit_resolved(path, std::move(model), options), std::back_inserter(audits));
  }
  return audits;
}

}  // namespace

std::vector<Audit> audit_path(const std::string& named, const AuditOptions& options) {
  require_unpackers();
  std::string path = named;
  try {
    path = locate_model(named);
    auto store = resolve_store(path);
    if (store && !(store->models.empty() && store->failures.empty())) {
      return audit_store(path, std::move(*store), options);
    }
    ResolvedPath resolved = resolve_path(path);
    if (resolved.selections.empty())
      throw IoError(explain_no_model(resolved.folder), std::nullopt, FindingCode::NoModel);
    return audit_resolved(path, std::move(resolved), options);
  } catch (const Error& error) {
    return {audit_failure(path, as_finding(error), options)};
  }
}

bool has_error(const Audit& audit) { return has_finding(audit, Severity::Error); }

bool has_finding(const Audit& audit, Severity least) {
  return std::ranges::any_of(audit.findings, [&](const Finding& finding) { return finding.severity >= least; });
}

}  // namespace weigh::core
