#include "src/scan/scan.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_set>

#include "formats/error.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/checkpoint/selection.h"
#include "src/scan/file_kinds.h"
#include "src/scan/thread_pool.h"

namespace weigh::core {

namespace {

// What all parts of a set share: their path without the number.
std::string set_of(std::string_view path) {
  const auto part = parse_part_name(path);
  return part ? fmt::format("{}of-{}{}", part->prefix, part->total, part->suffix) : std::string(path);
}

// FNV-1a: the same on every machine.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

// Of lines that describe files.
std::string signature_of_lines(const std::string& lines) {
  return fmt::format("{:016x}-{}", hash_of(lines), lines.size());
}

// A line for one file. There may be 100,000 of them: numbers are written as they are.
void add_line(const FoundFile& file, std::string& lines) {
  lines += file.name;
  const auto add = [&](auto number) {
    const fmt::format_int text(number);
    (lines += '\t').append(text.data(), text.size());
  };
  add(file.stamp.device);
  add(file.stamp.inode);
  add(file.stamp.bytes);
  add(file.stamp.modified_ns);
  lines += file.first ? "\t1\n" : "\t0\n";
}

// One model of a folder: a set of its files, or a snapshot.
struct ModelEntry {
  std::optional<Selection> selection;  // absent: the snapshot `name`
  std::string name;
};

// A folder on its way through the threads.
struct FolderWork {
  FoundFolder found;
  FolderContent content;
  std::vector<ModelEntry> entries;
  std::vector<StoredModel> known;
  std::size_t left = 0;  // entries that are not done
};

class FolderScan {
 public:
  FolderScan(const ScanPlan& plan, const Weigher& weigher, const ScanSink& sink)
      : plan_(plan), weigher_(weigher), sink_(sink), pool_(plan.threads) {}

  ScanOutcome run() {
    walk(plan_.roots, {.found = [this](FoundFolder&& found) { queue_folder(std::move(found)); },
                       .failed =
                           [this](Failure&& failure) {
                             const std::lock_guard lock(mutex_);
                             unreadable_.push_back(failure.path);
                             report_failure(std::move(failure));
                           },
                       .closed =
                           [this](const std::string& folder) {
                             const std::lock_guard lock(mutex_);
                             unreadable_.push_back(folder);
                           },
                       .passed =
                           [this](std::uint64_t files) {
                             const std::lock_guard lock(mutex_);
                             progress_.files += files;
                             report_progress();
                             return !pool_.stopped();
                           }});
    {
      const std::lock_guard lock(mutex_);
      progress_.all_found = true;
      report_progress();
    }
    pool_.finish();
    if (plan_.inventory != nullptr && plan_.shard.parts == 1) {
      plan_.inventory->forget(plan_.roots, seen_, unreadable_);
    }
    if (plan_.inventory != nullptr) plan_.inventory->finish();
    return outcome_;
  }

 private:
  void queue_folder(FoundFolder&& found) {
    auto work = std::make_shared<FolderWork>();
    work->content.folder = found.folder.path + (found.owner.empty() ? "" : "/ (" + found.owner + ")");
    work->content.run = plan_.run;
    if (plan_.inventory != nullptr) {
      std::string all = fmt::format("{}/{}\n", plan_.shard.part, plan_.shard.parts);
      for (const FoundFile& file : found.files) add_line(file, all);
      for (const std::string& file : found.other_commits) all += file + '\n';
      work->content.signature = signature_of_lines(all);
    }
    work->found = std::move(found);
    {
      const std::lock_guard lock(mutex_);
      ++progress_.found;
      if (plan_.inventory != nullptr) {
        seen_.insert(work->content.folder);
        if (plan_.inventory->is_current(work->content.folder, work->content.signature, plan_.run)) {
          ++progress_.done;
          return;
        }
        work->known = plan_.inventory->models_of(work->content.folder, plan_.run);
        keep_unreadable(*work);
      }
    }
    pool_.add([this, work] { list_entries(work); });
  }

  // Models that are there, and cannot be read now, stay as they were.
  static void keep_unreadable(FolderWork& work) {
    std::set<std::string> paths;
    for (const std::string& name : work.found.unreadable) paths.insert(work.found.folder.path_of(name));
    for (const StoredModel& known : work.known) {
      if (paths.contains(known.row.path)) work.content.models.push_back(known);
    }
  }

  // Which models are there. Each is a task of its own: one folder may hold thousands.
  void list_entries(const std::shared_ptr<FolderWork>& work) {
    FolderModels models = select_all_models(work->found.folder);
    for (Selection& selection : models.selections) work->entries.push_back({std::move(selection), {}});
    for (const FolderModels::Failure& failure : models.failures) {
      work->content.failures.push_back(failure_of(work->found.folder, failure));
    }
    for (const FoundFile& file : work->found.files) {
      if (is_snapshot_name(file.name)) work->entries.push_back({std::nullopt, file.name});
    }
    std::uint64_t links = 0;
    std::vector<ModelEntry> without_row;
    std::erase_if(work->entries, [&](const ModelEntry& entry) {
      if (!plan_.shard.takes(within_root(work->found.folder.path_of(first_file(entry))))) return true;
      const bool linked = !has_first_file(*work, entry);
      links += linked ? 1 : 0;
      if (linked) add_left_out(*work, entry, without_row);
      return linked;
    });
    std::ranges::move(without_row, std::back_inserter(work->entries));
    note_other_commits(*work);
    {
      const std::lock_guard lock(mutex_);
      outcome_.links += links;
    }
    begin_remote(*work);
    work->left = work->entries.size() + 1;
    for (std::size_t i = work->entries.size(); i-- > 1;) {
      pool_.add_first([this, work, i] { weigh_entry(work, i); });
    }
    if (!work->entries.empty()) weigh_entry(work, 0);
    const std::lock_guard lock(mutex_);
    finish_locked_entry(*work);
  }

  // Of what lies on a server, all that is not known is asked for at once.
  void begin_remote(const FolderWork& work) const {
    if (!work.found.folder.remote) return;
    std::vector<Selection> unknown;
    for (const ModelEntry& entry : work.entries) {
      const std::string signature = entry_signature(work, entry);
      const bool known = std::ranges::any_of(work.known, [&](const StoredModel& model) {
        return !model.signature.empty() && model.signature == signature;
      });
      if (entry.selection && !known) unknown.push_back(*entry.selection);
    }
    fetch_ahead(work.found.folder, unknown, Vocabularies::Shared);
  }

  // What lies beside a model that counts elsewhere has no row to be named in: it gets rows of its own.
  static void add_left_out(const FolderWork& work, const ModelEntry& entry, std::vector<ModelEntry>& rows) {
    if (!entry.selection) return;
    for (const Finding& finding : entry.selection->findings) {
      for (const std::string& name : finding.files) {
        const FoundFile* file = file_of(work, name);
        if (!is_weights_name(name) || file == nullptr || !file->first) continue;
        Selection& own = rows.emplace_back().selection.emplace();
        own.name = std::string(base_name(name));
        own.kind = is_adapter_name(name) ? CheckpointKind::Adapter : CheckpointKind::Model;
        own.files = {name};
      }
    }
  }

  // In the first row of the folder.
  static void note_other_commits(FolderWork& work) {
    std::vector<std::string>& files = work.found.other_commits;
    const auto entry = std::ranges::find_if(work.entries, [](const ModelEntry& e) { return e.selection.has_value(); });
    if (files.empty() || entry == work.entries.end()) return;
    Finding& finding = entry->selection->findings.emplace_back(
        FindingCode::FileLeftOut, Severity::Note,
        files.size() == 1
            ? fmt::format("{} is of another commit of the repository, not counted", quote(base_name(files.front())))
            : fmt::format("{} and {} more: of other commits of the repository, not counted",
                          quote(base_name(files.front())), files.size() - 1));
    for (const std::string& file : files) finding.files.push_back(file);
  }

  static const std::string& first_file(const ModelEntry& entry) {
    return entry.selection ? entry.selection->files.front() : entry.name;
  }

  // As it is called below the root that leads to it: the same wherever a tree is mounted.
  [[nodiscard]] std::string within_root(const std::string& path) const {
    for (const std::string& root : plan_.roots) {
      if (path.size() > root.size() && path.starts_with(root)) return path.substr(root.size());
    }
    return path;
  }

  static const FoundFile* file_of(const FolderWork& work, const std::string& name) {
    const auto file = std::ranges::lower_bound(work.found.files, name, {}, &FoundFile::name);
    return file != work.found.files.end() && file->name == name ? &*file : nullptr;
  }

  // A set counts where any of its files was not met before.
  static bool has_first_file(const FolderWork& work, const ModelEntry& entry) {
    const auto first = [&](const std::string& name) {
      const FoundFile* file = file_of(work, name);
      return file == nullptr || file->first;
    };
    return entry.selection ? std::ranges::any_of(entry.selection->files, first) : first(entry.name);
  }

  // Its own files, and those of the folder that are no models.
  [[nodiscard]] std::string entry_signature(const FolderWork& work, const ModelEntry& entry) const {
    if (plan_.inventory == nullptr) return {};
    std::string all;
    for (const FoundFile& file : work.found.files) {
      const bool own = entry.selection
                           ? std::ranges::find(entry.selection->files, file.name) != entry.selection->files.end()
                           : file.name == entry.name;
      if (own || !is_model_name(file.name)) add_line(file, all);
    }
    for (const std::string& file : work.found.other_commits) all += file + '\n';
    return signature_of_lines(all);
  }

  void weigh_entry(const std::shared_ptr<FolderWork>& work, std::size_t number) {
    const ModelEntry& entry = work->entries[number];
    const std::string signature = entry_signature(*work, entry);
    const std::string path = work->found.folder.path_of(first_file(entry));
    for (const StoredModel& known : work->known) {
      if (!known.signature.empty() && known.signature == signature) {
        keep_model(*work, StoredModel(known));
        return finish_entry(*work);
      }
    }
    try {
      if (entry.selection) {
        Checkpoint checkpoint = open_selection(work->found.folder, *entry.selection);
        checkpoint.path = path;
        name_checkpoint(work->found, checkpoint);
        weigh_checkpoint(*work, std::move(checkpoint), signature);
      } else {
        OpenResult opened = open_checkpoints(path);
        for (Checkpoint& checkpoint : opened.checkpoints) {
          if (opened.checkpoints.size() == 1) checkpoint.path = path;
          weigh_checkpoint(*work, std::move(checkpoint), signature);
        }
        for (Failure& failure : opened.failures) keep_failure(*work, std::move(failure));
      }
    } catch (const UsageError& error) {
      keep_failure(*work, Failure{path, error.what(), std::nullopt});
    } catch (const Error& error) {
      keep_failure(*work, Failure{path, error.what(), error.offset});
    } catch (const std::bad_alloc&) {
      keep_failure(*work, Failure{path, "not enough memory", std::nullopt});
    }
    finish_entry(*work);
  }

  // As its owner calls it: a file of a repository by both names.
  static void name_checkpoint(const FoundFolder& found, Checkpoint& checkpoint) {
    if (found.owner.empty()) return;
    const bool file_of_many = found.store != Store::Ollama && checkpoint.files.size() == 1 &&
                              checkpoint.name != found.folder.name && checkpoint.name != found.owner;
    checkpoint.name = file_of_many ? found.owner + "/" + checkpoint.name : found.owner;
  }

  void weigh_checkpoint(FolderWork& work, Checkpoint&& checkpoint, const std::string& signature) {
    StoredModel model = weigher_(std::move(checkpoint), work.found.store);
    model.signature = signature;
    keep_model(work, std::move(model));
  }

  void keep_model(FolderWork& work, StoredModel&& model) {
    const std::lock_guard lock(mutex_);
    ++progress_.models;
    if (plan_.inventory != nullptr) {
      work.content.models.push_back(std::move(model));
    } else {
      sink_.model(std::move(model));
    }
    report_progress();
  }

  void keep_failure(FolderWork& work, Failure&& failure) {
    const std::lock_guard lock(mutex_);
    work.content.failures.push_back(std::move(failure));
  }

  void finish_entry(FolderWork& work) {
    const std::lock_guard lock(mutex_);
    finish_locked_entry(work);
  }

  void finish_locked_entry(FolderWork& work) {
    if (--work.left != 0) return;
    ++progress_.done;
    if (plan_.inventory != nullptr) plan_.inventory->put(work.content);
    for (Failure& failure : work.content.failures) report_failure(std::move(failure));
    report_progress();
  }

  void report_failure(Failure&& failure) {
    ++outcome_.failures;
    sink_.failure(std::move(failure));
  }

  void report_progress() const {
    if (sink_.progress) sink_.progress(progress_);
  }

  const ScanPlan& plan_;
  const Weigher& weigher_;
  const ScanSink& sink_;
  std::mutex mutex_;  // of everything below, of the sink and of the inventory
  ScanProgress progress_;
  ScanOutcome outcome_;
  std::set<std::string> seen_;
  std::vector<std::string> unreadable_;
  ThreadPool pool_;  // last: its threads use all of the above
};

class PathScan {
 public:
  PathScan(const ScanPlan& plan, const std::function<std::optional<std::string>()>& next, const Weigher& weigher,
           const ScanSink& sink)
      : plan_(plan), next_(next), weigher_(weigher), sink_(sink) {}

  ScanOutcome run() {
    ThreadPool pool(plan_.threads);
    for (unsigned i = 0; i < plan_.threads; ++i) pool.add([&] { weigh_paths(pool); });
    pool.finish();
    return outcome_;
  }

 private:
  // The next path that is to be read here, and was not yet.
  std::optional<std::string> next_path() {
    const std::lock_guard lock(input_mutex_);
    while (auto path = next_()) {
      if (path->empty() || !plan_.shard.takes(*path)) continue;
      if (parse_part_name(*path) && !sets_.insert(set_of(*path)).second) continue;
      return path;
    }
    return std::nullopt;
  }

  void weigh_paths(ThreadPool& pool) {
    while (!pool.stopped()) {
      const auto path = next_path();
      if (!path) return;
      OpenResult opened = open_checkpoints(*path);
      for (Checkpoint& checkpoint : opened.checkpoints) {
        const std::string shown = checkpoint.path;
        if (!is_new(checkpoint)) continue;
        try {
          StoredModel model = weigher_(std::move(checkpoint), Store::Folder);
          const std::lock_guard lock(mutex_);
          ++progress_.models;
          sink_.model(std::move(model));
        } catch (const UsageError& error) {
          opened.failures.push_back({shown, error.what(), std::nullopt});
        } catch (const Error& error) {
          opened.failures.push_back({shown, error.what(), error.offset});
        }
      }
      const std::lock_guard lock(mutex_);
      ++progress_.files;
      for (Failure& failure : opened.failures) {
        ++outcome_.failures;
        sink_.failure(std::move(failure));
      }
      if (sink_.progress) sink_.progress(progress_);
    }
  }

  bool is_new(const Checkpoint& checkpoint) {
    struct stat status {};
    if (checkpoint.file_paths.empty() || stat(checkpoint.file_paths.front().c_str(), &status) != 0) return true;
    const std::lock_guard lock(mutex_);
    const bool inserted = files_.emplace(status.st_dev, status.st_ino).second;
    outcome_.links += inserted ? 0 : 1;
    return inserted;
  }

  const ScanPlan& plan_;
  const std::function<std::optional<std::string>()>& next_;
  const Weigher& weigher_;
  const ScanSink& sink_;
  std::mutex input_mutex_;
  std::unordered_set<std::string> sets_;
  std::mutex mutex_;
  std::set<std::pair<dev_t, ino_t>> files_;
  ScanProgress progress_;
  ScanOutcome outcome_;
};

}  // namespace

bool ScanShard::takes(std::string_view path) const {
  if (parts <= 1) return true;
  while (path.starts_with("./") || path.starts_with('/')) path.remove_prefix(path.starts_with('/') ? 1 : 2);
  // The low bits of this hash alone are poor.
  const std::uint64_t hash = hash_of(set_of(path));
  return (hash ^ (hash >> 32U)) % parts == part - 1;
}

ScanOutcome scan_folders(const ScanPlan& plan, const Weigher& weigher, const ScanSink& sink) {
  return FolderScan(plan, weigher, sink).run();
}

ScanOutcome scan_paths(const ScanPlan& plan, const std::function<std::optional<std::string>()>& next,
                       const Weigher& weigher, const ScanSink& sink) {
  return PathScan(plan, next, weigher, sink).run();
}

}  // namespace weigh::core
