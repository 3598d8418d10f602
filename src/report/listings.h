#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/devices/catalogue.h"
#include "src/model/model.h"
#include "src/remote/header_cache.h"
#include "src/report/style.h"

namespace weigh::core {

// The lists of `weigh tensors`, `metadata`, `devices` and `cache`, each in every output format.

/// What tensors are summed up by.
enum class Grouping : std::uint8_t {
  None,
  Layer,   ///< block by block of each stack, then what is outside of blocks
  Module,  ///< the name with "*" for the numbers of blocks and experts
  Role,
};

/// "layer", "module" or "role"; nothing for anything else.
std::optional<Grouping> grouping_by_name(std::string_view name);

struct TensorListing {
  std::string path;
  const Model* model = nullptr;             ///< none when the path could not be read
  std::vector<const TensorFacts*> tensors;  ///< of the model, as they are to be listed
  Grouping grouping = Grouping::None;
  std::vector<Failure> errors;
};

struct TensorGroup {
  std::string name;
  std::uint64_t tensors = 0;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
  bool parameters_known = true;  ///< false: `parameters` count stored elements of an unknown packing
};

/// Sums that add up to those of `tensors`. Layers in their order, the others largest first.
std::vector<TensorGroup> group_tensors(const std::vector<const TensorFacts*>& tensors, Grouping grouping);

void write_tensors(const TensorListing& listing, std::string_view format, const Style& style, std::ostream& out);

struct MetadataListing {
  std::string path;
  const Checkpoint* checkpoint = nullptr;  ///< none when the path could not be read
  bool full = false;                       ///< long arrays and texts as a whole
  std::vector<Failure> errors;
};

/// One key for people: its value as text, of long ones the beginning unless `full`.
struct MetadataLine {
  std::string key;
  std::string type;
  std::string value;
};

/// GGUF's key/values or `__metadata__` in the file's order, then config.json's as "config.json: KEY".
std::vector<MetadataLine> metadata_lines(const Checkpoint& checkpoint, bool full);

void write_metadata(const MetadataListing& listing, std::string_view format, const Style& style, std::ostream& out);

/// Those that match every word of `query`, in the catalogue's order; all of them for an empty one.
std::vector<const Device*> devices_matching(const Catalogue& catalogue, std::string_view query);

/// The cache of headers.
struct CacheListing {
  std::string folder;
  std::uint64_t limit = 0;  ///< bytes that it may take
  std::vector<CacheEntry> entries;
};

void write_cache(const CacheListing& listing, std::string_view format, const Style& style, std::ostream& out);

void write_devices(const std::vector<const Device*>& devices, std::string_view format, const Style& style,
                   std::ostream& out);

}  // namespace weigh::core
