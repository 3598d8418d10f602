#include "src/audit/zip_archive.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "formats/checked.h"
#include "formats/little_endian.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kEndRecord = 22;
constexpr std::uint64_t kLocator = 20;
constexpr std::uint64_t kZip64Record = 56;
constexpr std::uint64_t kMaxComment = 65535;
constexpr std::uint64_t kEntry = 46;
constexpr std::uint64_t kLocalHeader = 30;
constexpr std::uint64_t kMostDirectory = std::uint64_t{16} << 20U;
constexpr int kMostRecords = 64;  // letters of a record by chance, or by intent

std::uint64_t number(std::string_view text, std::size_t at, std::size_t width) {
  return load_little_endian(text.substr(at, width));
}

std::string read_text(ByteSource& source, std::uint64_t at, std::uint64_t bytes) {
  const auto end = checked_add(at, bytes);
  if (!end || *end > source.available()) return {};
  std::string text(static_cast<std::size_t>(bytes), '\0');
  source.read(at, std::as_writable_bytes(std::span(text)));
  return text;
}

bool has_signature(ByteSource& source, std::uint64_t at, std::string_view signature) {
  return read_text(source, at, signature.size()) == signature;
}

// A directory of that size and stated offset, which ends at `end` or lies where the offset says.
std::optional<ZipDirectory> directory_at(ByteSource& source, std::uint64_t end, std::uint64_t bytes,
                                         std::uint64_t offset) {
  constexpr std::string_view kSignature = "PK\x01\x02";
  if (bytes < kEntry || bytes > end) return std::nullopt;
  if (has_signature(source, end - bytes, kSignature)) {
    const std::uint64_t at = end - bytes;
    return ZipDirectory{at, bytes, at >= offset ? at - offset : 0};
  }
  if (offset <= end - bytes && has_signature(source, offset, kSignature)) return ZipDirectory{offset, bytes, 0};
  return std::nullopt;
}

// By the record of zip64, which a locator in front of the end record leads to.
std::optional<ZipDirectory> by_zip64(ByteSource& source, std::uint64_t record_at) {
  if (record_at < kLocator) return std::nullopt;
  const std::string locator = read_text(source, record_at - kLocator, kLocator);
  if (!std::string_view(locator).starts_with("PK\x06\x07")) return std::nullopt;
  const std::uint64_t before = record_at - kLocator;
  for (const std::uint64_t at : {before - std::min(before, kZip64Record), number(locator, 8, 8)}) {
    if (at >= before) continue;
    const std::string record = read_text(source, at, kZip64Record);
    if (!std::string_view(record).starts_with("PK\x06\x06")) continue;
    if (auto found = directory_at(source, at, number(record, 40, 8), number(record, 48, 8))) return found;
  }
  return std::nullopt;
}

std::optional<ZipDirectory> by_record(ByteSource& source, std::string_view record, std::uint64_t record_at) {
  if (auto found = by_zip64(source, record_at)) return found;
  const std::uint64_t bytes = number(record, 12, 4);
  const std::uint64_t offset = number(record, 16, 4);
  if (bytes == 0 && number(record, 8, 4) == 0 && record_at + kEndRecord + number(record, 20, 2) == source.size()) {
    return ZipDirectory{record_at, 0, 0};  // an empty archive, with nothing behind it
  }
  return directory_at(source, record_at, bytes, offset);
}

// The fields of zip64 that stand for those which are all ones.
void read_extra(std::string_view extra, ZipMember& member) {
  while (extra.size() >= 4) {
    const std::uint64_t id = number(extra, 0, 2);
    const std::uint64_t bytes = std::min<std::uint64_t>(number(extra, 2, 2), extra.size() - 4);
    std::string_view field = extra.substr(4, static_cast<std::size_t>(bytes));
    extra.remove_prefix(static_cast<std::size_t>(4 + bytes));
    if (id != 1) continue;
    for (std::uint64_t* value : {&member.bytes, &member.packed_bytes, &member.header_at}) {
      if (*value != UINT32_MAX || field.size() < 8) continue;
      *value = number(field, 0, 8);
      field.remove_prefix(8);
    }
  }
}

ZipMember member_of(std::string_view entry, std::string_view name, std::string_view extra) {
  ZipMember member;
  member.name = std::string(name);
  member.encrypted = (number(entry, 8, 2) & 1U) != 0;
  member.method = static_cast<std::uint16_t>(number(entry, 10, 2));
  member.packed_bytes = number(entry, 20, 4);
  member.bytes = number(entry, 24, 4);
  member.header_at = number(entry, 42, 4);
  read_extra(extra, member);
  return member;
}

}  // namespace

std::optional<ZipDirectory> find_zip_directory(ByteSource& source) {
  if (source.available() < source.size() || source.size() < kEndRecord) return std::nullopt;
  const std::uint64_t tail = std::min(source.size(), kEndRecord + kMaxComment);
  const std::string text = read_text(source, source.size() - tail, tail);
  std::size_t at = text.rfind("PK\x05\x06");
  for (int i = 0; i < kMostRecords && at != std::string::npos; ++i) {
    if (text.size() - at >= kEndRecord) {
      const auto found = by_record(source, std::string_view(text).substr(at, kEndRecord), source.size() - tail + at);
      if (found) return found;
    }
    at = at == 0 ? std::string::npos : text.rfind("PK\x05\x06", at - 1);
  }
  return std::nullopt;
}

std::vector<ZipMember> zip_members(ByteSource& source, const ZipDirectory& directory, std::size_t most,
                                   const std::function<bool(const ZipMember&)>& wanted) {
  std::vector<ZipMember> members;
  const std::string text = read_text(source, directory.at, std::min(directory.bytes, kMostDirectory));
  for (std::size_t at = 0; members.size() < most && text.size() - at >= kEntry;) {
    const std::string_view entry = std::string_view(text).substr(at, kEntry);
    if (!entry.starts_with("PK\x01\x02")) break;
    const std::uint64_t name = number(entry, 28, 2);
    const std::uint64_t extra = number(entry, 30, 2);
    const std::uint64_t whole = kEntry + name + extra + number(entry, 32, 2);
    if (kEntry + name + extra > text.size() - at) break;
    const std::string_view rest = std::string_view(text).substr(at + kEntry);
    ZipMember member = member_of(entry, rest.substr(0, static_cast<std::size_t>(name)),
                                 rest.substr(static_cast<std::size_t>(name), static_cast<std::size_t>(extra)));
    member.header_at = checked_add(member.header_at, directory.shift).value_or(UINT64_MAX);
    if (wanted(member)) members.push_back(std::move(member));
    at += static_cast<std::size_t>(std::min<std::uint64_t>(whole, text.size() - at));
  }
  return members;
}

std::optional<std::uint64_t> zip_data_at(ByteSource& source, const ZipMember& member) {
  const std::string header = read_text(source, member.header_at, kLocalHeader);
  if (!std::string_view(header).starts_with("PK\x03\x04")) return std::nullopt;
  return member.header_at + kLocalHeader + number(header, 26, 2) + number(header, 28, 2);
}

}  // namespace weigh::core
