#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/scan/row.h"

namespace weigh::core {

/// A model as the inventory keeps it.
struct StoredModel {
  ScanRow row;
  std::string line;            ///< its MODEL as one line of JSON
  std::string signature = {};  ///< of its files' names and stamps
};

/// What was found in one folder.
struct FolderContent {
  std::string folder;     ///< its path, and after it what tells virtual ones apart
  std::string signature;  ///< of its files' names and stamps
  std::string run;        ///< what its verdicts depend on; empty: none
  std::vector<StoredModel> models;
  std::vector<Failure> failures;
};

/// What an inventory is opened for.
enum class InventoryUse : std::uint8_t {
  Scan,  ///< reading and writing; made where there is none
  List,  ///< reading, without waiting for a scan that writes, and without changing a byte
};

/// What comes out of an inventory.
struct InventorySink {
  std::function<void(StoredModel&&)> model;
  std::function<void(const Failure&)> failure;
  /// A row that cannot be read, by its path and folder, or with neither what is lost of the whole inventory.
  std::function<void(const Failure& damage, const std::string& folder)> damaged;
  bool lines = true;  ///< whether models come with their lines
};

/// Models in an SQLite database, for later scans and for people who query it (docs/inventory.md). A change of a folder
/// is whole or not there, whenever the process ends. Used from one thread at a time.
class Inventory {
 public:
  /// What an older version wrote is read anew by a scan; what a newer one wrote is listed and not scanned into. Throws
  /// IoError, also when the file is something else.
  Inventory(const std::string& path, std::string_view version, InventoryUse use = InventoryUse::Scan);
  ~Inventory();
  Inventory(const Inventory&) = delete;
  Inventory& operator=(const Inventory&) = delete;

  /// Whether the folder is there with this signature, and with verdicts of `run` unless that is empty.
  [[nodiscard]] bool is_current(const std::string& folder, const std::string& signature, const std::string& run) const;

  /// What is known of the folder's models, whatever its signature; nothing where their verdicts depend on another one
  /// than `run`. Rows that cannot be read are not known.
  [[nodiscard]] std::vector<StoredModel> models_of(const std::string& folder, const std::string& run) const;

  /// Replaces what is known of the folder. Written to disk with others, at the latest by finish().
  void put(const FolderContent& content);

  /// A model of another scan's output; one of the same path is replaced.
  void load(const StoredModel& model);
  void load(const Failure& failure);

  /// Forgets the folders below `roots` that are not in `seen`, but for those below `kept`.
  void forget(const std::vector<std::string>& roots, const std::set<std::string>& seen,
              const std::vector<std::string>& kept);

  /// Everything below one of `roots`, or everything when there are none, in the order of the paths.
  void each(const std::vector<std::string>& roots, const InventorySink& sink) const;

  /// Has the folders read anew by the next scan.
  void mark_changed(const std::set<std::string>& folders);

  /// Puts everything on disk. Throws IoError.
  void finish();

 private:
  struct Database;
  std::unique_ptr<Database> database_;
};

}  // namespace weigh::core
