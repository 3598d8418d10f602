#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/scan/inventory.h"
#include "src/scan/row.h"
#include "src/scan/walk.h"

namespace weigh::core {

/// Part I of N, I from 1.
struct ScanShard {
  std::uint64_t part = 1;
  std::uint64_t parts = 1;

  /// Whether a path belongs to this part: by its name, so that it stays in its part whatever else comes and goes.
  /// All parts of a split set belong together.
  [[nodiscard]] bool takes(std::string_view path) const;
};

/// What a scan does with each model; called from several threads at once.
using Weigher = std::function<StoredModel(Checkpoint&& checkpoint, Store store)>;

/// How far a scan is.
struct ScanProgress {
  std::uint64_t files = 0;   ///< names that were looked at
  std::uint64_t found = 0;   ///< folders with models
  std::uint64_t done = 0;    ///< of these, those that are read
  std::uint64_t models = 0;  ///< read or known from before
  bool all_found = false;    ///< the walk is over
};

struct ScanPlan {
  std::vector<std::string> roots;
  unsigned threads = 1;
  ScanShard shard;
  std::string run;                 ///< what the verdicts depend on, for the inventory
  Inventory* inventory = nullptr;  ///< holds what has not changed and takes what has
};

/// What comes out of a scan; one at a time, as results come. With an inventory the models go there instead.
struct ScanSink {
  std::function<void(StoredModel&&)> model;
  std::function<void(Failure&&)> failure;
  std::function<void(const ScanProgress&)> progress;
};

/// How many files were not counted: links to files that were.
struct ScanOutcome {
  std::uint64_t links = 0;
  std::uint64_t failures = 0;  ///< now, those that the inventory knows included
};

/// Walks the roots and weighs every model once. An exception of the sink, of the weigher or of the inventory ends it
/// and is thrown.
ScanOutcome scan_folders(const ScanPlan& plan, const Weigher& weigher, const ScanSink& sink);

/// Weighs what each path names, in several threads; the parts of one set named by several paths count once. `next`
/// gives the paths, one after the other, and is called from one thread at a time.
ScanOutcome scan_paths(const ScanPlan& plan, const std::function<std::optional<std::string>()>& next,
                       const Weigher& weigher, const ScanSink& sink);

}  // namespace weigh::core
