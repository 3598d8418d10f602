// What only the bytes tell: whether they are those that somebody has a digest of, and what numbers they are.
#include "src/audit/check_content.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "src/audit/audited_files.h"
#include "src/audit/digests.h"
#include "src/content/digest.h"
#include "src/content/read_content.h"

namespace weigh::core {

namespace {

// A file that is read to its end, and what is known of it before.
struct DeepFile {
  std::string path;
  std::string name;                    // to show
  const ModelFile* model = nullptr;    // null for a file beside
  const TensorFacts* facts = nullptr;  // of its first tensor
  std::vector<ExpectedDigest> digests;
  ModelFile plain = {};  // stands for the header that a file beside does not have
};

std::vector<DeepFile> files_of(const Model& model) {
  std::vector<DeepFile> files;
  std::size_t tensor = 0;
  for (std::size_t i = 0; i < model.checkpoint.files.size(); ++i) {
    const ModelFile& file = model.checkpoint.files[i];
    const std::string& path = model.checkpoint.file_paths[i];
    files.push_back({path, file.name, &file, model.tensors.data() + tensor, expected_digests(path), {}});
    tensor += file.tensors.size();
  }
  return files;
}

// Configs and the like, where somebody says what they must be.
void add_files_beside(const AuditInput& input, std::vector<DeepFile>& files) {
  for (const std::string& name : input.folder->names) {
    const std::string path = input.folder->path_of(name);
    if (std::ranges::find(files, name, &DeepFile::name) != files.end()) continue;
    std::vector<ExpectedDigest> digests = expected_digests(path);
    std::error_code error;
    const std::uint64_t bytes = std::filesystem::file_size(path, error);
    if (digests.empty() || error) continue;
    files.push_back({path, name, nullptr, nullptr, std::move(digests), {}});
    files.back().plain.file_bytes = bytes;
  }
}

class DeepLog {
 public:
  explicit DeepLog(FindingLog& log) : log_(log) {}

  void report(FindingCode code, std::string message, Location place) const {
    FindingReporter(*find_check(code), log_).report(std::move(message), std::move(place));
  }

 private:
  FindingLog& log_;
};

void compare_digests(const DeepFile& file, const Content& content, const DeepLog& log) {
  if (!file.digests.empty() && !digests_available()) {
    log.report(FindingCode::NotCheckable,
               fmt::format("{}: its digest is not compared: built without OpenSSL", quote(file.name)),
               {.file = file.name});
    return;
  }
  for (const ExpectedDigest& digest : file.digests) {
    const bool sha256 = digest.kind == ExpectedDigest::Kind::Sha256;
    const std::string& found = sha256 ? content.sha256 : content.git_id;
    if (found == digest.hex) continue;
    log.report(sha256 ? FindingCode::Sha256Mismatch : FindingCode::GitIdMismatch,
               fmt::format("{} is not what {} states: its {} is {}, not {}", quote(file.name), digest.stated_by,
                           sha256 ? "sha256" : "git id", found, digest.hex),
               {.file = file.name});
  }
}

// A mask's buffer may well be infinite; biases, fresh adapters and zero points may well be zero.
void judge(const DeepFile& file, const TensorHealth& health, const DeepLog& log) {
  const Tensor& tensor = *file.facts[health.tensor].tensor;
  const Role role = file.facts[health.tensor].role;
  const std::string name = quote(tensor.name);
  const std::string_view what = health.scales ? "scales" : "values";
  const Location place{.file = file.name, .tensor = std::string(tensor.name), .offset = health.first_offset};
  if (health.nan != 0) {
    log.report(FindingCode::Nan,
               fmt::format("{} of {} {} of tensor {} are no numbers", health.nan, health.values, what, name), place);
  }
  if (health.infinite != 0 && role != Role::Buffer) {
    log.report(FindingCode::Infinite,
               fmt::format("{} of {} {} of tensor {} are infinite", health.infinite, health.values, what, name), place);
  }
  const bool matrix =
      tensor.shape.size() >= 2 && role != Role::Buffer && role != Role::Overhead && role != Role::Adapter;
  if (health.all_zero && matrix) log.report(FindingCode::AllZero, fmt::format("tensor {} is all zeros", name), place);
}

void report(const DeepFile& file, const ContentResult& result, const DeepLog& log) {
  if (!result.content) {
    log.report(result.not_checkable ? FindingCode::NotCheckable : FindingCode::Unreadable,
               fmt::format("{}: {}", file.name, result.problem), {.file = file.name});
    return;
  }
  compare_digests(file, *result.content, log);
  for (const TensorHealth& health : result.content->findings) judge(file, health, log);
  for (const Unexamined& type : result.content->unexamined) {
    log.report(FindingCode::NotLookedInto,
               fmt::format("{} tensor{} of type {}: {}", type.tensors, type.tensors == 1 ? "" : "s",
                           info(type.dtype).name, type.why),
               {.file = file.name});
  }
}

}  // namespace

std::vector<Finding> look_deep(const AuditInput& input, const AuditOptions& options) {
  std::vector<Finding> findings;
  FindingLog findings_log(findings);
  const DeepLog log(findings_log);
  if (input.header_only) {
    log.report(FindingCode::NotCheckable, "a header-only snapshot: the weights are not there", {});
    return findings;
  }
  std::vector<DeepFile> files;
  if (input.model != nullptr) files = files_of(*input.model);
  if (input.beside && input.folder != nullptr) add_files_beside(input, files);
  std::vector<ContentJob> jobs;
  std::uint64_t all = 0;
  for (const DeepFile& file : files) {
    const auto wants = [&](ExpectedDigest::Kind kind) {
      return digests_available() && std::ranges::find(file.digests, kind, &ExpectedDigest::kind) != file.digests.end();
    };
    ContentOptions wanted;
    wanted.sha256 = wants(ExpectedDigest::Kind::Sha256);
    wanted.git_id = wants(ExpectedDigest::Kind::GitId);
    wanted.health = file.model != nullptr;
    const ModelFile* header = file.model != nullptr ? file.model : &file.plain;
    jobs.push_back({file.path, header, wanted});
    all += header->file_bytes;
  }
  std::uint64_t done = 0;
  const std::vector<ContentResult> results =
      read_contents(jobs, std::max(1U, options.threads), [&](std::uint64_t bytes) {
        done += bytes;
        if (options.progress) options.progress(done, all);
      });
  for (std::size_t i = 0; i < files.size(); ++i) report(files[i], results[i], log);
  findings_log.finish();
  return findings;
}

}  // namespace weigh::core
