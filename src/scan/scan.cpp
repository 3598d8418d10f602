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
#include "src/checkpoint/selection.h"
#include "src/scan/thread_pool.h"

namespace weigh::core {

namespace {

constexpr std::string_view kSnapshotSuffix = ".weigh.zst";

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

bool is_model_file(std::string_view name) {
  if (name.ends_with(".zst")) name.remove_suffix(4);
  return name.ends_with(".gguf") || name.ends_with(".safetensors") || name.ends_with(".weigh");
}

std::string signature_of(const FoundFile& file) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", file.name, file.stamp.device, file.stamp.inode, file.stamp.bytes,
                     file.stamp.modified_ns, file.first ? 1 : 0);
}

// One model of a folder: a set of its files, or a snapshot.
struct Piece {
  std::optional<Selection> selection;  // absent: the snapshot `name`
  std::string name;
};

// A folder on its way through the threads.
struct FolderWork {
  FoundFolder found;
  FolderContent content;
  std::vector<Piece> pieces;
  std::vector<StoredModel> known;
  std::size_t left = 0;  // pieces that are not done
};

class FolderScan {
 public:
  FolderScan(const ScanPlan& plan, const Weigher& weigher, const ScanSink& sink)
      : plan_(plan), weigher_(weigher), sink_(sink), crew_(plan.threads) {}

  ScanOutcome run() {
    walk(plan_.roots, {.found = [this](FoundFolder&& found) { take(std::move(found)); },
                       .failed =
                           [this](Failure&& failure) {
                             const std::lock_guard lock(mutex_);
                             unreadable_.push_back(failure.path);
                             fail(std::move(failure));
                           },
                       .passed =
                           [this](std::uint64_t files) {
                             const std::lock_guard lock(mutex_);
                             progress_.files += files;
                             report();
                             return !crew_.stopped();
                           }});
    {
      const std::lock_guard lock(mutex_);
      progress_.all_found = true;
      report();
    }
    crew_.finish();
    if (plan_.inventory != nullptr && plan_.shard.parts == 1) {
      plan_.inventory->forget(plan_.roots, seen_, unreadable_);
    }
    if (plan_.inventory != nullptr) plan_.inventory->finish();
    return outcome_;
  }

 private:
  void take(FoundFolder&& found) {
    auto work = std::make_shared<FolderWork>();
    work->content.folder = found.folder.path + (found.owner.empty() ? "" : "/ (" + found.owner + ")");
    work->content.run = plan_.run;
    if (plan_.inventory != nullptr) {
      std::string all = fmt::format("{}/{}\n", plan_.shard.part, plan_.shard.parts);
      for (const FoundFile& file : found.files) all += signature_of(file);
      work->content.signature = fmt::format("{:016x}-{}", hash_of(all), all.size());
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
      }
    }
    crew_.add([this, work] { split(work); });
  }

  // Which models are there. Each is a task of its own: one folder may hold thousands.
  void split(const std::shared_ptr<FolderWork>& work) {
    try {
      for (Selection& selection : select_models(work->found.folder)) {
        work->pieces.push_back({std::move(selection), {}});
      }
    } catch (const Error& error) {
      work->content.failures.push_back({work->found.folder.path, error.what(), error.offset});
    }
    for (const FoundFile& file : work->found.files) {
      if (file.name.ends_with(kSnapshotSuffix)) work->pieces.push_back({std::nullopt, file.name});
    }
    std::uint64_t links = 0;
    std::erase_if(work->pieces, [&](const Piece& piece) {
      if (!plan_.shard.takes(within_root(work->found.folder.path_of(first_name(piece))))) return true;
      const bool linked = !is_first(*work, piece);
      links += linked ? 1 : 0;
      return linked;
    });
    {
      const std::lock_guard lock(mutex_);
      outcome_.links += links;
    }
    work->left = work->pieces.size() + 1;
    for (std::size_t i = work->pieces.size(); i-- > 1;) {
      crew_.add_first([this, work, i] { weigh_piece(work, i); });
    }
    if (!work->pieces.empty()) weigh_piece(work, 0);
    const std::lock_guard lock(mutex_);
    finish_part(*work);
  }

  static const std::string& first_name(const Piece& piece) {
    return piece.selection ? piece.selection->files.front() : piece.name;
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
  static bool is_first(const FolderWork& work, const Piece& piece) {
    const auto first = [&](const std::string& name) {
      const FoundFile* file = file_of(work, name);
      return file == nullptr || file->first;
    };
    return piece.selection ? std::ranges::any_of(piece.selection->files, first) : first(piece.name);
  }

  // Its own files, and whatever lies beside them that is no model.
  [[nodiscard]] std::string piece_signature(const FolderWork& work, const Piece& piece) const {
    if (plan_.inventory == nullptr) return {};
    std::string all;
    for (const FoundFile& file : work.found.files) {
      const bool own = piece.selection
                           ? std::ranges::find(piece.selection->files, file.name) != piece.selection->files.end()
                           : file.name == piece.name;
      if (own || !is_model_file(file.name)) all += signature_of(file);
    }
    return fmt::format("{:016x}-{}", hash_of(all), all.size());
  }

  void weigh_piece(const std::shared_ptr<FolderWork>& work, std::size_t number) {
    const Piece& piece = work->pieces[number];
    const std::string signature = piece_signature(*work, piece);
    const std::string path = work->found.folder.path_of(first_name(piece));
    for (const StoredModel& known : work->known) {
      if (!known.signature.empty() && known.signature == signature) {
        keep(*work, StoredModel(known));
        return done(*work);
      }
    }
    try {
      if (piece.selection) {
        Checkpoint checkpoint = open_selection(work->found.folder, *piece.selection);
        checkpoint.path = path;
        name(work->found, checkpoint);
        weigh_one(*work, std::move(checkpoint), signature);
      } else {
        OpenResult opened = open_checkpoints(path);
        for (Checkpoint& checkpoint : opened.checkpoints) {
          if (opened.checkpoints.size() == 1) checkpoint.path = path;
          weigh_one(*work, std::move(checkpoint), signature);
        }
        for (Failure& failure : opened.failures) keep(*work, std::move(failure));
      }
    } catch (const UsageError& error) {
      keep(*work, Failure{path, error.what(), std::nullopt});
    } catch (const Error& error) {
      keep(*work, Failure{path, error.what(), error.offset});
    } catch (const std::bad_alloc&) {
      keep(*work, Failure{path, "not enough memory", std::nullopt});
    }
    done(*work);
  }

  // As its owner calls it: a file of a repository by both names.
  static void name(const FoundFolder& found, Checkpoint& checkpoint) {
    if (found.owner.empty()) return;
    const bool file_of_many = found.store != Store::Ollama && checkpoint.files.size() == 1 &&
                              checkpoint.name != found.folder.name && checkpoint.name != found.owner;
    checkpoint.name = file_of_many ? found.owner + "/" + checkpoint.name : found.owner;
  }

  void weigh_one(FolderWork& work, Checkpoint&& checkpoint, const std::string& signature) {
    StoredModel model = weigher_(std::move(checkpoint), work.found.store);
    model.signature = signature;
    keep(work, std::move(model));
  }

  void keep(FolderWork& work, StoredModel&& model) {
    const std::lock_guard lock(mutex_);
    ++progress_.models;
    if (plan_.inventory != nullptr) {
      work.content.models.push_back(std::move(model));
    } else {
      sink_.model(std::move(model));
    }
    report();
  }

  void keep(FolderWork& work, Failure&& failure) {
    const std::lock_guard lock(mutex_);
    work.content.failures.push_back(std::move(failure));
  }

  void done(FolderWork& work) {
    const std::lock_guard lock(mutex_);
    finish_part(work);
  }

  void finish_part(FolderWork& work) {
    if (--work.left != 0) return;
    ++progress_.done;
    if (plan_.inventory != nullptr) plan_.inventory->put(work.content);
    for (Failure& failure : work.content.failures) fail(std::move(failure));
    report();
  }

  void fail(Failure&& failure) {
    ++outcome_.failures;
    sink_.failure(std::move(failure));
  }

  void report() const {
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
  ThreadPool crew_;  // last: its threads use all of the above
};

class PathScan {
 public:
  PathScan(const ScanPlan& plan, const std::function<std::optional<std::string>()>& next, const Weigher& weigher,
           const ScanSink& sink)
      : plan_(plan), next_(next), weigher_(weigher), sink_(sink) {}

  ScanOutcome run() {
    ThreadPool crew(plan_.threads);
    for (unsigned i = 0; i < plan_.threads; ++i) crew.add([&] { work(crew); });
    crew.finish();
    return outcome_;
  }

 private:
  // The next path that is to be read here, and was not yet.
  std::optional<std::string> take() {
    const std::lock_guard lock(input_mutex_);
    while (auto path = next_()) {
      if (path->empty() || !plan_.shard.takes(*path)) continue;
      if (parse_part_name(*path) && !sets_.insert(set_of(*path)).second) continue;
      return path;
    }
    return std::nullopt;
  }

  void work(ThreadPool& crew) {
    while (!crew.stopped()) {
      const auto path = take();
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
