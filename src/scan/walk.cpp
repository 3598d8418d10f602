#include "src/scan/walk.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "formats/error.h"
#include "src/checkpoint/resolve_remote.h"
#include "src/checkpoint/selection.h"
#include "src/scan/file_kinds.h"
#include "src/scan/file_system.h"
#include "src/scan/first_name_wins.h"
#include "src/scan/gather_models.h"
#include "src/scan/walk_reporter.h"

namespace weigh::core {

namespace {

// Folders without models of their own.
bool is_left_out(std::string_view folder) {
  return folder == ".git" || folder.starts_with("datasets--") || folder.starts_with("spaces--");
}

class Walk {
 public:
  explicit Walk(const Visitor& visitor) : reporter_(visitor), gatherer_(reporter_, first_names_) {}

  void visit_roots(const std::vector<std::string>& roots) {
    for (const char* path : {"/proc", "/sys", "/dev", "/run"}) {
      if (const auto status = status_of(path)) system_folders_.insert(status->key());
    }
    for (const std::string& root : roots) visit_root(root);
    for (const auto& [folder, names] : named_files_) visit_named_files(folder, names);
    // What links lead to comes last: its own name is the better one.
    while (!reporter_.stopped() && !linked_folders_.empty()) visit_linked_folders();
    std::ranges::stable_sort(
        with_links_, {}, [](const PendingFolder& pending) -> const std::string& { return pending.found.folder.path; });
    for (PendingFolder& pending : with_links_) deliver_folder(std::move(pending));
    reporter_.report_progress();
  }

 private:
  struct LinkedFolder {
    FolderLocation location;
    bool is_pipeline_part = false;
  };

  // Each folder with models of what lies on a server.
  void visit_remote(const std::string& root) {
    try {
      for (Folder& folder : remote_folders(root)) {
        reporter_.count_names(folder.remote->all_names.size());
        FoundFolder found;
        for (const std::string& name : folder.names) {
          if (is_model_name(name) || is_side_name(name)) found.files.push_back({name, stamp_of(*folder.remote, name)});
        }
        found.folder = std::move(folder);
        reporter_.report_folder(std::move(found));
      }
    } catch (const Error& error) {
      reporter_.report_failure(root, error.what());
    }
  }

  // What a list tells of a file changes with its content, as a file's times do.
  static FileStamp stamp_of(const RemoteFolder& remote, const std::string& name) {
    FileStamp stamp;
    if (const auto bytes = remote.bytes.find(name); bytes != remote.bytes.end()) stamp.bytes = bytes->second;
    const auto content = remote.contents.find(name);
    stamp.inode = std::hash<std::string>()(content == remote.contents.end() ? name : content->second);
    return stamp;
  }

  void visit_root(const std::string& root) {
    if (is_remote(root)) return visit_remote(root);
    const auto status = status_of(root);
    if (!status) return reporter_.report_failure(root, explain_no_status(root));
    if (status->is_folder && is_kernel_folder(root)) {
      return reporter_.report_failure(root, "shows the kernel's data as files: no models are there");
    }
    system_folders_.erase(status->key());
    if (status->is_folder) return visit_folder(locate_folder(without_end_slashes(root)));
    if (const auto manifest = ollama_manifest_at(root)) return visit_manifest(manifest->first, manifest->second);
    const auto slash = root.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : root.substr(0, std::max<std::size_t>(slash, 1));
    named_files_[folder].push_back(std::string(base_name(root)));
  }

  void visit_linked_folders() {
    std::vector<LinkedFolder> folders = std::exchange(linked_folders_, {});
    std::ranges::sort(folders, {},
                      [](const LinkedFolder& linked) -> const std::string& { return linked.location.path; });
    for (const LinkedFolder& linked : folders) visit_folder(linked.location, linked.is_pipeline_part);
  }

  void visit_folder(const FolderLocation& location, bool is_pipeline_part = false) {
    if (reporter_.stopped()) return;
    const std::string& path = location.path;
    const auto status = status_of(path);
    if (!status) return reporter_.report_failure(path, explain_no_status(path));
    if (!visited_.insert(status->key()).second || is_system_folder(path, status->key())) return;
    FolderListing listing;
    try {
      listing = list_folder(path);
    } catch (const Error& error) {
      return reporter_.report_failure(path, error.what());
    }
    reporter_.count_names(listing.names);
    if (is_repository(location, listing)) {
      listing.close();
      return visit_repository(location);
    }
    if (is_ollama_store(listing)) {
      listing.erase_folders([](const std::string& name) { return name == kOllamaManifests || name == kOllamaBlobs; });
      visit_ollama_store(location);
    }
    listing.erase_folders(is_left_out);
    // The pipeline has taken these for itself.
    if (is_pipeline_part) listing.erase_files(is_safetensors_name);
    PendingFolder pending = gatherer_.gather_folder(location, listing);
    listing.files = {};
    listing.close();
    visit_subfolders(location, listing, std::move(pending));
  }

  // A folder with hard links comes after the folders in it, each of its links in its turn among them.
  void visit_subfolders(const FolderLocation& location, const FolderListing& listing, PendingFolder&& pending) {
    const std::set<std::string> parts = pending.pipeline_parts;
    const bool waits = !pending.hard_links.empty();
    if (!waits) finish_folder(std::move(pending));
    for (const std::string& folder : listing.folders) {
      if (waits) first_names_.claim_hard_links_before(folder, pending);
      visit_folder(location.child(folder), parts.contains(folder));
    }
    if (waits) finish_folder(std::move(pending));
    for (const std::string& folder : listing.linked_folders) {
      linked_folders_.push_back({location.child(folder), parts.contains(folder)});
    }
  }

  // By what it is, not by its name: links and mounts lead there from anywhere.
  bool is_system_folder(const std::string& path, const FileKey& key) {
    if (system_folders_.contains(key)) return true;
    const auto [device, is_new] = kernel_devices_.try_emplace(key.first, false);
    if (is_new) device->second = is_kernel_folder(path);
    return device->second;
  }

  // models--ORG--NAME
  void visit_repository(const FolderLocation& location) {
    const FolderLocation snapshots = location.child("snapshots");
    try {
      const std::vector<std::string> commits = commits_of(location.path);
      other_commits_ = files_of_other_commits(location.path, commits);
      for (const std::string& commit : commits) visit_folder(snapshots.child(commit));
    } catch (const Error& error) {
      reporter_.report_failure(snapshots.path, error.what());
    }
    other_commits_.clear();
  }

  void visit_ollama_store(const FolderLocation& store) {
    std::vector<Failure> failures;
    const std::vector<std::string> manifests = list_ollama_manifests(store.path, failures);
    reporter_.count_names(manifests.size());
    for (const Failure& failure : failures) reporter_.report_failure(failure.path, failure.message);
    for (const std::string& manifest : manifests) visit_manifest(store.path, manifest);
    visit_other_blobs(store.child(std::string(kOllamaBlobs)));
  }

  // Blobs that no manifest names any more are models by their first bytes.
  void visit_other_blobs(const FolderLocation& blobs) {
    if (reporter_.stopped()) return;
    try {
      FolderListing listing = list_folder(blobs.path);
      reporter_.count_names(listing.names);
      listing.erase_files([&](const std::string& name) {
        if (!is_ollama_blob_name(name)) return true;
        const auto status = listing.status_of(name);
        return !status || first_names_.is_claimed(status->key());
      });
      listing.broken.clear();
      listing.folders.clear();
      listing.linked_folders.clear();
      finish_folder(gatherer_.gather_folder(blobs, listing, Names::Any));
    } catch (const Error& error) {
      reporter_.report_failure(blobs.path, error.what());
    }
  }

  void visit_manifest(const std::string& store, const std::string& manifest) {
    if (reporter_.stopped()) return;
    try {
      finish_folder(gatherer_.gather_ollama_model(store, read_ollama_manifest(store, manifest)));
    } catch (const Error& error) {
      reporter_.report_failure(joined(store, "manifests/" + manifest), error.what());
    }
  }

  // Files that are roots: of their folder only what belongs to them.
  void visit_named_files(const std::string& path, const std::vector<std::string>& names) {
    if (reporter_.stopped()) return;
    const std::string shown = path.empty() ? "." : path;
    const auto status = status_of(shown);
    if (status && visited_.contains(status->key())) return;  // they were met with everything in the folder
    FolderListing listing;
    try {
      listing = list_folder(shown);
    } catch (const Error& error) {
      return reporter_.report_failure(shown, error.what());
    }
    const NamedSets sets = select_named_sets(path, names, listing);
    listing.erase_files([&](const std::string& name) {
      if (is_index_name(name)) return !sets.use_index;
      return !sets.files.contains(name) && !is_side_name(name);
    });
    listing.broken.clear();
    listing.folders.clear();
    listing.linked_folders.clear();
    finish_folder(gatherer_.gather_folder(locate_folder(path), listing, Names::Any));
  }

  // The files of the sets that named files belong to.
  struct NamedSets {
    std::set<std::string> files;
    bool use_index = false;  // one of the sets is that of an index.json
  };
  NamedSets select_named_sets(const std::string& path, const std::vector<std::string>& names,
                              const FolderListing& listing) {
    Folder folder;
    folder.path = path;
    std::ranges::merge(listing.files, listing.linked_files, std::back_inserter(folder.names));
    open_from_disk(folder);
    NamedSets sets;
    for (const std::string& name : names) {
      if (sets.files.contains(name)) continue;
      const std::string file = folder.path_of(name);
      if (!folder.has(name)) {
        reporter_.report_failure(file, "is neither a folder nor a file");
      } else if (is_model_name(name) || is_index_name(name)) {
        try {
          const Selection selection = select_for_file(folder, name);
          sets.files.insert(selection.files.begin(), selection.files.end());
          sets.use_index = sets.use_index || selection.index;
        } catch (const Error& error) {
          reporter_.report_failure(file, error.what());
        }
      } else if (begins_with_gguf(file)) {
        sets.files.insert(name);
      } else {
        reporter_.report_failure(file, "is no GGUF or safetensors file");
      }
    }
    return sets;
  }

  void finish_folder(PendingFolder&& pending) {
    first_names_.claim_hard_links(pending);
    if (!pending.has_models) {
      if (!pending.found.unreadable.empty()) reporter_.report_closed(pending.found.folder.path);
      return;
    }
    pending.found.other_commits = std::exchange(other_commits_, {});
    if (pending.links.empty()) {
      deliver_folder(std::move(pending));
    } else {
      with_links_.push_back(std::move(pending));
    }
  }

  void deliver_folder(PendingFolder&& pending) {
    first_names_.claim_links(pending);
    FoundFolder& found = pending.found;
    std::ranges::sort(found.files, {}, &FoundFile::name);
    std::ranges::sort(found.folder.names);
    open_from_disk(found.folder);
    reporter_.report_folder(std::move(found));
  }

  WalkReporter reporter_;
  FirstNames first_names_;  // of models only
  ModelGatherer gatherer_;
  std::vector<std::string> other_commits_;  // of the repository that is walked; the first folder with models takes them
  FileKeys visited_;                        // folders
  FileKeys system_folders_;
  std::map<std::uint64_t, bool> kernel_devices_;  // whether a device is a file system of the kernel's data
  std::map<std::string, std::vector<std::string>> named_files_;  // files that are roots, by their folders
  std::vector<LinkedFolder> linked_folders_;
  std::vector<PendingFolder> with_links_;
};

}  // namespace

void walk(const std::vector<std::string>& roots, const Visitor& visitor) { Walk(visitor).visit_roots(roots); }

}  // namespace weigh::core
