#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "src/report/json.h"
#include "src/report/listings.h"
#include "src/report/table.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

Table cache_table(const CacheListing& listing) {
  Table table{{{"what"}, {"kept", Unit::Size}, {"of", Unit::Size}}, {}};
  for (const CacheEntry& entry : listing.entries) table.rows.push_back({entry.shown, entry.bytes, entry.file_bytes});
  return table;
}

void write_cache_json(const CacheListing& listing, std::ostream& out) {
  JsonText text;
  std::vector<Json> rows;
  for (const CacheEntry& entry : listing.entries) {
    rows.push_back({{"source", text(entry.shown)},
                    {"bytes", entry.bytes},
                    {"file_bytes", entry.file_bytes},
                    {"used_seconds", entry.used}});
  }
  write_document_with_rows({{"schema", "weigh.cache/1"},
                            {"path", text(listing.folder)},
                            {"limit_bytes", listing.limit},
                            {"entries", nullptr}},
                           "entries", rows, out);
}

}  // namespace

void write_cache(const CacheListing& listing, std::string_view format, const Style& style, std::ostream& out) {
  if (format == "json") return write_cache_json(listing, out);
  if (format == "csv") return write_csv_table(cache_table(listing), out);
  if (format == "markdown") return write_markdown_table(cache_table(listing), out);
  std::uint64_t sum = 0;
  for (const CacheEntry& entry : listing.entries) sum += entry.bytes;
  if (!listing.entries.empty()) {
    write_text_table(cache_table(listing), style, style.verbose, out);
    out << '\n';
  }
  if (!style.quiet) {
    out << fmt::format("{}: {} of at most {}\n", escaped(listing.folder), human_bytes(sum), human_bytes(listing.limit));
  }
}

}  // namespace weigh::core
