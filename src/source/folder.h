#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/byte_source.h"
#include "formats/snapshot.h"

namespace weigh::core {

/// What else there is to a folder on a server.
struct RemoteFolder {
  std::vector<std::string> all_names;           ///< of hidden files and deeper folders too; sorted
  std::map<std::string, std::uint64_t> bytes;   ///< sizes, by name, as far as they were listed
  std::map<std::string, std::string> contents;  ///< "sha256:HEX" or what else changes with the content, likewise
  /// One of the names as it lies there, not decompressed.
  std::function<std::unique_ptr<ByteSource>(const std::string& name)> open_packed;
  /// Begins to read headers and small files of those names, many at once, so that nobody waits for each alone.
  std::function<void(const std::vector<std::string>& names)> fetch_ahead;
  /// Likewise of GGUF files that may be one model in many types: a vocabulary that they share is read once.
  std::function<void(const std::vector<std::string>& names)> fetch_alike;
};

/// The files that a checkpoint may be made of, by name: a folder on disk, or the inside of a snapshot.
struct Folder {
  std::string path;                ///< how to show it, without a trailing '/'; empty inside a snapshot
  std::string name;                ///< what to call a model that fills it
  std::vector<std::string> names;  ///< relative names, sorted; '/' between parts
  /// Where files lie that are called otherwise here: a store's blobs.
  std::map<std::string, std::string> places = {};

  std::shared_ptr<const RemoteFolder> remote = nullptr;  ///< null for what lies on this machine

  /// Opens one of `names`; one that ends in ".zst" is shown decompressed. Throws IoError or FormatError.
  std::function<std::unique_ptr<ByteSource>(const std::string& name)> open;

  /// See RemoteFolder; nothing to do for what lies on this machine.
  void fetch_ahead(const std::vector<std::string>& wanted) const;
  [[nodiscard]] bool has(const std::string& name) const;

  /// The path to show for one of `names`.
  [[nodiscard]] std::string path_of(const std::string& name) const;
};

/// The files of a folder on disk and of the folders in it, hidden ones left out. Throws IoError when it cannot be
/// listed.
Folder local_folder(const std::string& path);

/// The names of `folder` and of what local_folder() leaves out: hidden files and those of deeper folders. Sorted; at most
/// `most` of the latter. Links to folders are not followed, and .git is passed over.
std::vector<std::string> every_name(const Folder& folder, std::size_t most);

/// The files of a snapshot; each source knows the whole file's size and holds its head.
Folder snapshot_folder(Snapshot snapshot);

/// Makes `open` read what lies at path_of(). To be called when the path and the places are known.
void open_from_disk(Folder& folder);

/// Opens a file; one compressed with zstd is shown decompressed. Throws IoError or FormatError.
std::unique_ptr<ByteSource> open_source(const std::string& path);

/// The snapshot in the file, or nothing when it is something else. Throws FormatError when it is a damaged one.
std::optional<Snapshot> open_snapshot(const std::string& path);

}  // namespace weigh::core
