// Is the model complete? Checks for what the readers do not notice: unfinished downloads, git-lfs pointers, shards that
// are swapped or belong to no set.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "formats/error.h"
#include "formats/lfs_pointer.h"
#include "src/audit/audited_files.h"
#include "src/audit/checks.h"
#include "src/audit/digests.h"

namespace weigh::core {

namespace {

// Files that a loader needs and that must not be empty.
bool is_needed(std::string_view name) {
  constexpr auto kEndings =
      std::to_array<std::string_view>({".safetensors", ".gguf", ".json", ".model", ".jinja", ".tiktoken"});
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return name.ends_with(ending); });
}

Severity severity_for(const AuditInput& input, const std::string& name) {
  return is_weight_file(input, name) ? Severity::Error : Severity::Warning;
}

}  // namespace

void check_incomplete_download(const AuditInput& input, const FindingReporter& reporter) {
  for (const std::string& name : input.unfinished_downloads) {
    reporter.report(fmt::format("{} is a download that was not finished", quote(name)), {.file = name});
  }
}

void check_lfs_pointer(const AuditInput& input, const FindingReporter& reporter) {
  for (const std::string& name : audited_names(input)) {
    const auto head = read_head(*input.folder, name, 512);
    const auto pointer = head ? read_lfs_pointer(*head) : std::nullopt;
    if (!pointer) continue;
    const std::string_view oid = pointer->oid.empty() ? "an object that it does not name" : pointer->oid;
    reporter.report(
        severity_for(input, name),
        fmt::format("{} is a git-lfs pointer to {}{}, not the file; run 'git lfs pull' in its folder", quote(name), oid,
                    pointer->size.empty() ? "" : fmt::format(" of {} bytes", pointer->size)),
        {.file = name});
  }
}

void check_empty_file(const AuditInput& input, const FindingReporter& reporter) {
  for (const std::string& name : audited_names(input)) {
    if (!is_needed(name)) continue;
    const auto head = read_head(*input.folder, name, 1);
    if (head && head->empty()) reporter.report(severity_for(input, name), quote(name) + " is empty", {.file = name});
  }
}

void check_dangling_link(const AuditInput& input, const FindingReporter& reporter) {
  if (input.header_only) return;
  for (const std::string& name : audited_names(input)) {
    std::error_code error;
    const std::filesystem::path path = input.folder->path_of(name);
    if (!std::filesystem::is_symlink(path, error) || std::filesystem::exists(path, error)) continue;
    const std::string target = std::filesystem::read_symlink(path, error).string();
    reporter.report(severity_for(input, name),
                    fmt::format("{} is a link to {}, which is not there", quote(name), quote(target)), {.file = name});
  }
}

void check_size_mismatch(const AuditInput& input, const FindingReporter& reporter) {
  if (input.header_only) return;
  for (const std::string& name : audited_names(input)) {
    const std::string path = input.folder->path_of(name);
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(path, error);
    if (error) continue;
    for (const ExpectedDigest& digest : input.digests->expected(path)) {
      if (!digest.size || *digest.size == size) continue;
      reporter.report(fmt::format("{} has {} bytes, {} states {}", quote(name), size, digest.stated_by, *digest.size),
                      {.file = name});
    }
  }
}

namespace {

bool is_there(const std::filesystem::path& path) {
  std::error_code error;  // a link that leads nowhere has a finding of its own
  return std::filesystem::symlink_status(path, error).type() != std::filesystem::file_type::not_found;
}

// The files of a commit, by whether they are in the folder.
class CommitFolder {
 public:
  CommitFolder(const std::string& path, const CommitFiles& commit) {
    for (const CommitFile& file : commit.files) {
      const bool there = is_there(std::filesystem::path(path) / file.name);
      (there ? there_ : missing_).push_back(&file);
      if (file.name == kPipelineName) pipeline_ = true;
    }
  }

  [[nodiscard]] const std::vector<const CommitFile*>& missing() const { return missing_; }

  // Whether a loader of what is there asks for a missing file. Other precisions, other frameworks' copies and what
  // people read are left out of many downloads on purpose.
  [[nodiscard]] bool is_asked_for(const CommitFile& file) const {
    const std::string_view part = folder_part(file.name);
    if (!part.empty() && !pipeline_ && !any_there([&](const std::string& name) { return folder_part(name) == part; }))
      return false;
    const std::string_view base = base_name(file.name);
    if (is_weights_name(file.name)) return lacks_weights(file.name);
    if (is_pickle_name(file.name) || is_other_framework_name(file.name)) return false;
    if (base.ends_with(".index.json")) return is_safetensors_index_name(file.name) && lacks_weights(file.name);
    return is_needed(base) || base == "merges.txt" || base == "vocab.txt";
  }

 private:
  template <typename Matches>
  [[nodiscard]] bool any_there(const Matches& matches) const {
    return std::ranges::any_of(there_, [&](const CommitFile* file) { return matches(file->name); });
  }

  // Neither weights beside it nor other parts of its set would do without it.
  [[nodiscard]] bool lacks_weights(const std::string& name) const {
    const auto part = parse_part_name(name);
    return any_there([&](const std::string& other) {
             const auto like = part ? parse_part_name(other) : std::nullopt;
             return like && like->prefix == part->prefix && like->suffix == part->suffix && like->total == part->total;
           }) ||
           !any_there([&](const std::string& other) {
             return folder_part(other) == folder_part(name) && is_weights_name(other);
           });
  }

  std::vector<const CommitFile*> there_;
  std::vector<const CommitFile*> missing_;
  bool pipeline_ = false;
};

}  // namespace

void check_missing_file(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder || input.header_only || input.folder->path.empty()) return;
  const auto commit = input.digests->commit_files(input.folder->path);
  if (!commit) return;
  const std::string list = "the list of commit " + commit->commit.substr(0, 8);
  const CommitFolder folder(input.folder->path, *commit);
  std::vector<std::string> others;
  for (const CommitFile* file : folder.missing()) {
    if (!folder.is_asked_for(*file)) {
      others.push_back(quote(file->name));
      continue;
    }
    const std::string size = file->size ? fmt::format(" of {} bytes", *file->size) : "";
    reporter.report(fmt::format("{}{} is in {} and not in the folder", quote(file->name), size, list),
                    {.file = file->name});
  }
  if (others.empty()) return;
  constexpr std::size_t kMaxNamed = 8;
  const std::size_t more = others.size() - std::min(others.size(), kMaxNamed);
  others.resize(others.size() - more);
  reporter.report(Severity::Note,
                  fmt::format("files in {} that are not in the folder, and that a loader of the others does without: "
                              "{}{}",
                              list, fmt::join(others, ", "), more == 0 ? "" : fmt::format(" and {} more", more)));
}

void check_extra_shard(const AuditInput& input, const FindingReporter& reporter) {
  if (!input.as_folder) return;
  std::map<std::tuple<std::string, std::string>, std::set<std::uint64_t>> totals;
  for (const std::string& name : input.folder->names) {
    const auto part = parse_part_name(name);
    if (!part) continue;
    totals[{part->prefix, part->suffix}].insert(part->total);
    if (part->number > part->total) {
      reporter.report(
          fmt::format("{} is numbered outside of its set: {} of {}", quote(name), part->number, part->total),
          {.file = name});
    }
  }
  for (const auto& [set, sizes] : totals) {
    if (sizes.size() < 2) continue;
    reporter.report(fmt::format("files named {} are parts of several sets, of {}: leftovers of another upload",
                                quote(std::get<0>(set) + "*"), fmt::join(sizes, " and of ")));
  }
  if (input.selection == nullptr || input.selection->index == nullptr) return;
  const auto first = parse_part_name(input.selection->files.front());
  for (const std::string& name : input.folder->names) {
    const auto part = parse_part_name(name);
    if (!part || !first || part->prefix != first->prefix || part->suffix != first->suffix) continue;
    if (std::ranges::find(input.selection->files, name) == input.selection->files.end()) {
      reporter.report(quote(name) + " is numbered like a shard of this model, but the index does not name it",
                      {.file = name});
    }
  }
}

// The headers are read again, since open_selection has removed misplaced tensors from the files it read.
void check_shards_swapped(const AuditInput& input, const FindingReporter& reporter) {
  const bool misplaced = std::ranges::any_of(
      input.model->findings, [](const Finding& finding) { return finding.code == FindingCode::TensorInTwoShards; });
  if (!misplaced || input.selection == nullptr || input.selection->index == nullptr) return;
  const ShardIndex& index = *input.selection->index;
  const std::map<std::string_view, std::uint32_t> shard_of(index.tensors.begin(), index.tensors.end());
  for (const std::string& name : input.selection->files) {
    try {
      const ModelFile file = read_model_file(*input.folder->open(name), name);
      std::set<std::uint32_t> owners;
      for (const Tensor& tensor : file.tensors) {
        const auto owner = shard_of.find(tensor.name);
        owners.insert(owner == shard_of.end() ? UINT32_MAX : owner->second);
      }
      if (owners.size() != 1 || owners.contains(UINT32_MAX)) continue;
      const std::string& owner = index.files[*owners.begin()];
      if (owner == base_name(name)) continue;
      reporter.report(fmt::format("{} holds what the index says of {}", quote(name), quote(owner)), {.file = name});
    } catch (const Error&) {  // has a finding of its own
      continue;
    }
  }
}

}  // namespace weigh::core
