// Checks that read every byte: digests, and values that are not numbers, infinite or all zero.
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

// A file to read as a whole: of the model, or another one of its folder that has a digest.
struct DeepFile {
  std::string path;
  std::string name;                    // within the folder
  const ModelFile* model = nullptr;    // null for a file that is not of the model
  const TensorFacts* facts = nullptr;  // of its first tensor
  std::vector<ExpectedDigest> digests;
  ModelFile plain = {};  // in place of `model`: a header without tensors
};

std::vector<DeepFile> model_files(const Model& model, DigestRecords& digests) {
  std::vector<DeepFile> files;
  std::size_t tensor = 0;
  for (std::size_t i = 0; i < model.checkpoint.files.size(); ++i) {
    const ModelFile& file = model.checkpoint.files[i];
    const std::string& path = model.checkpoint.file_paths[i];
    files.push_back({path, file.name, &file, model.tensors.data() + tensor, digests.expected(path), {}});
    tensor += file.tensors.size();
  }
  return files;
}

// Configs and the like, if a digest of them is known.
void add_side_files(const AuditInput& input, std::vector<DeepFile>& files) {
  for (const std::string& name : input.folder->names) {
    const std::string path = input.folder->path_of(name);
    if (std::ranges::find(files, name, &DeepFile::name) != files.end()) continue;
    std::vector<ExpectedDigest> digests = input.digests->expected(path);
    std::error_code error;
    const std::uint64_t bytes = std::filesystem::file_size(path, error);
    if (digests.empty() || error) continue;
    files.push_back({path, name, nullptr, nullptr, std::move(digests), {}});
    files.back().plain.file_bytes = bytes;
  }
}

class DeepReporter {
 public:
  explicit DeepReporter(FindingLog& log) : log_(log) {}

  void report(FindingCode code, std::string message, Location location) const {
    FindingReporter(*find_check(code), log_).report(std::move(message), std::move(location));
  }

 private:
  FindingLog& log_;
};

void compare_digests(const DeepFile& file, const Content& content, const DeepReporter& reporter) {
  if (!file.digests.empty() && !digests_available()) {
    reporter.report(FindingCode::NotCheckable,
                    fmt::format("{}: its digest is not compared: built without OpenSSL", quote(file.name)),
                    {.file = file.name});
    return;
  }
  for (const ExpectedDigest& digest : file.digests) {
    const bool sha256 = digest.kind == ExpectedDigest::Kind::Sha256;
    const std::string& found = sha256 ? content.sha256 : content.git_id;
    if (found == digest.hex) continue;
    reporter.report(sha256 ? FindingCode::Sha256Mismatch : FindingCode::GitIdMismatch,
                    fmt::format("{} is not what {} states: its {} is {}, not {}", quote(file.name), digest.stated_by,
                                sha256 ? "sha256" : "git id", found, digest.hex),
                    {.file = file.name});
  }
}

// Buffers may hold infinite masks; biases, new adapters and zero points may be all zeros.
void report_values(const DeepFile& file, const TensorHealth& health, const DeepReporter& reporter) {
  const Tensor& tensor = *file.facts[health.tensor].tensor;
  const Role role = file.facts[health.tensor].role;
  const std::string name = quote(tensor.name);
  const std::string_view what = health.scales ? "scales" : "values";
  const Location location{.file = file.name, .tensor = std::string(tensor.name), .offset = health.first_offset};
  if (health.nan != 0) {
    reporter.report(FindingCode::Nan,
                    fmt::format("{} of {} {} of tensor {} are no numbers", health.nan, health.values, what, name),
                    location);
  }
  if (health.infinite != 0 && role != Role::Buffer) {
    reporter.report(FindingCode::Infinite,
                    fmt::format("{} of {} {} of tensor {} are infinite", health.infinite, health.values, what, name),
                    location);
  }
  const bool matrix =
      tensor.shape.size() >= 2 && role != Role::Buffer && role != Role::Overhead && role != Role::Adapter;
  if (health.all_zero && matrix)
    reporter.report(FindingCode::AllZero, fmt::format("tensor {} is all zeros", name), location);
}

void report_file(const DeepFile& file, const ContentResult& result, const DeepReporter& reporter) {
  if (!result.content) {
    reporter.report(result.not_checkable ? FindingCode::NotCheckable : FindingCode::Unreadable,
                    fmt::format("{}: {}", file.name, result.problem), {.file = file.name});
    return;
  }
  compare_digests(file, *result.content, reporter);
  for (const TensorHealth& health : result.content->findings) report_values(file, health, reporter);
  for (const Unexamined& type : result.content->unexamined) {
    reporter.report(FindingCode::NotLookedInto,
                    fmt::format("{} tensor{} of type {}: {}", type.tensors, type.tensors == 1 ? "" : "s",
                                info(type.dtype).name, type.why),
                    {.file = file.name});
  }
}

}  // namespace

std::vector<Finding> check_content(const AuditInput& input, const AuditOptions& options) {
  std::vector<Finding> findings;
  FindingLog findings_log(findings);
  const DeepReporter reporter(findings_log);
  if (input.header_only) {
    reporter.report(FindingCode::NotCheckable, "a header-only snapshot: the weights are not there", {});
    return findings;
  }
  std::vector<DeepFile> files;
  if (input.model != nullptr) files = model_files(*input.model, *input.digests);
  if (input.as_folder && input.folder != nullptr) add_side_files(input, files);
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
  for (std::size_t i = 0; i < files.size(); ++i) report_file(files[i], results[i], reporter);
  findings_log.finish();
  return findings;
}

}  // namespace weigh::core
