#include "src/source/hub_cache.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <span>

#include "formats/byte_source.h"
#include "formats/error.h"
#include "formats/path.h"
#include "formats/text.h"
#include "src/source/file_names.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLeastDigits = 4;
constexpr std::size_t kShownDigits = 12;

// The commit in a file of refs/; empty when it holds none.
std::string commit_in(const std::string& file_path) {
  constexpr std::size_t kMax = 256;
  try {
    FileSource file(file_path);
    if (file.size() > kMax) return {};
    std::string commit(static_cast<std::size_t>(file.size()), '\0');
    file.read(0, std::as_writable_bytes(std::span(commit)));
    commit.erase(commit.find_last_not_of(" \n\r\t") + 1);
    return is_hex(commit) ? commit : std::string();
  } catch (const Error&) {
    return {};
  }
}

// Commits that are there, sorted.
std::set<std::string> commits_in(const std::string& repository_folder) {
  std::set<std::string> commits;
  std::error_code error;
  for (fs::directory_iterator entry(fs::path(repository_folder) / kHubSnapshots, error), end; !error && entry != end;
       entry.increment(error)) {
    if (std::string name = entry->path().filename().string(); is_hex(name)) commits.insert(std::move(name));
  }
  return commits;
}

std::string folder_of(const std::string& repository_folder, const std::string& commit) {
  return (fs::path(repository_folder) / kHubSnapshots / commit).string();
}

}  // namespace

std::string main_commit(const std::string& repository_folder) { return commit_in(repository_folder + "/refs/main"); }

std::string current_commit_folder(const std::string& repository_folder) {
  std::error_code error;
  const std::string commit = main_commit(repository_folder);
  if (!commit.empty() && fs::is_directory(folder_of(repository_folder, commit), error)) {
    return folder_of(repository_folder, commit);
  }
  const std::set<std::string> commits = commits_in(repository_folder);
  return commits.size() == 1 ? folder_of(repository_folder, *commits.begin()) : std::string();
}

std::string commit_folder(const std::string& repository_folder, const std::string& revision) {
  if (!stays_inside(revision)) return {};
  const std::set<std::string> commits = commits_in(repository_folder);
  if (const std::string commit = commit_in(repository_folder + "/refs/" + revision); commits.contains(commit)) {
    return folder_of(repository_folder, commit);
  }
  if (revision.size() < kLeastDigits || !is_hex(revision)) return {};
  const auto begins = [&](const std::string& commit) { return commit.starts_with(revision); };
  const auto found = std::ranges::find_if(commits, begins);
  return std::ranges::count_if(commits, begins) == 1 ? folder_of(repository_folder, *found) : std::string();
}

std::vector<std::string> revisions_of(const std::string& repository_folder) {
  std::set<std::string> commits = commits_in(repository_folder);
  std::set<std::string> named;
  std::vector<std::string> revisions;
  const fs::path refs = fs::path(repository_folder) / "refs";
  std::error_code error;
  for (fs::recursive_directory_iterator entry(refs, error), end; !error && entry != end; entry.increment(error)) {
    const std::string commit = commit_in(entry->path().string());
    if (!commits.contains(commit)) continue;
    named.insert(commit);
    revisions.push_back(entry->path().lexically_relative(refs).string());
  }
  std::ranges::sort(revisions);
  for (const std::string& commit : commits) {
    if (!named.contains(commit)) revisions.push_back(commit.substr(0, kShownDigits));
  }
  return revisions;
}

}  // namespace weigh::core
