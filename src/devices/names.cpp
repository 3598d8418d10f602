#include "src/devices/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <string>
#include <utility>

#include "formats/error.h"
#include "formats/text.h"
#include "src/devices/units.h"

namespace weigh::core {
namespace {

using Words = std::vector<std::string>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_character(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }
bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

template <typename Range>
bool contains(const Range& range, std::string_view word) {
  return std::ranges::find(range, word) != std::ranges::end(range);
}

constexpr std::array<std::string_view, 4> kMemoryUnits{"gb", "gib", "g", "tb"};

bool is_memory_word(std::string_view word) {
  constexpr std::size_t kMostDigits = 9;
  return word.ends_with("gb") && all_digits(word.substr(0, word.size() - 2)) && word.size() <= kMostDigits + 2;
}

// The one spelling of a size of memory: "24gb" for 24 and "gib", "1024gb" for 1 and "tb"; empty when the two are none.
std::string memory_word(std::string_view number, std::string_view unit) {
  constexpr std::size_t kMostDigits = 6;
  if (!all_digits(number) || number.size() > kMostDigits || !contains(kMemoryUnits, unit)) return "";
  return fmt::format("{}gb", *parse_uint(number) * (unit == "tb" ? 1024 : 1));
}

void put_word(Words& words, std::string word) {
  const auto letters = static_cast<std::size_t>(std::ranges::find_if_not(word, is_digit) - word.begin());
  const std::string_view all = word;
  std::string memory = memory_word(all.substr(0, letters), all.substr(letters));
  if (memory.empty() && !words.empty()) {
    memory = memory_word(words.back(), word);
    if (!memory.empty()) words.pop_back();
  }
  words.push_back(memory.empty() ? std::move(word) : std::move(memory));
}

// Letters and digits that stand together, in lower case; a size of memory is one word, "24gb".
Words words_of(std::string_view text) {
  Words words;
  std::string word;
  for (const char c : lower(text) + ' ') {
    if (is_word_character(c)) {
      word += c;
    } else if (!word.empty()) {
      put_word(words, std::exchange(word, {}));
    }
    if (c == '"') words.emplace_back("inch");
  }
  return words;
}

// They say nothing of the memory, unless they are part of a device's own name.
constexpr auto kEmptyWords = std::to_array<std::string_view>({
    "a",       "accelerator", "an",      "asrock",     "asus",    "card",    "cards",      "chip",     "chipset",
    "compute", "corporation", "ddr5",    "design",     "desktop", "edition", "evga",       "founders", "gainward",
    "gaming",  "gb",          "gddr6",   "gddr6x",     "gddr7",   "gen",     "generation", "gigabyte", "gpu",
    "gpus",    "graphics",    "inch",    "inc",        "memory",  "msi",     "my",         "of",       "oem",
    "palit",   "pc",          "pny",     "powercolor", "r",       "ram",     "sapphire",   "silicon",  "series",
    "the",     "tm",          "unified", "video",      "vram",    "w",       "with",       "xfx",      "zotac",
});

// "MacBook Air 13", "MacBook Pro 16": the screen.
constexpr std::array<std::string_view, 3> kLaptopsEnd{"air", "macbook", "pro"};

bool is_empty_word(const Words& words, std::size_t i) {
  const std::string& word = words[i];
  if (contains(kEmptyWords, word)) return true;
  if (word.ends_with("inch") && all_digits(word.substr(0, word.size() - 4))) return true;
  if (!all_digits(word)) return false;
  const bool is_screen =
      word >= "13" && word <= "16" && word.size() == 2 && i > 0 && contains(kLaptopsEnd, words[i - 1]);
  const bool inches = is_screen || (i + 1 < words.size() && words[i + 1] == "inch");
  const bool year = word.size() == 4 && word >= "2015" && word <= "2029";  // no card is called so
  return inches || year;
}

// A name to be covered by a device's words: its own put together, as "4060ti" is "4060 ti" and "mac book" "macbook". A
// space remains only between digits, which are never put together.
struct Phrase {
  std::string text;
  std::vector<std::size_t> skip;  // where an empty word begins: its end; else 0
  Words sizes;                    // of memory
};

// A number of a count or a part of one, or a size of memory.
bool is_amount(const std::string& word) { return is_memory_word(word) || (all_digits(word) && word.size() < 3); }

Phrase phrase_of(const Words& words) {
  Phrase phrase;
  // In "32gb ram" nothing else says what is meant.
  bool may_skip = false;
  for (std::size_t i = 0; i < words.size(); ++i)
    may_skip = may_skip || !(is_amount(words[i]) || is_empty_word(words, i));
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!phrase.text.empty() && is_digit(phrase.text.back()) && is_digit(word.front())) phrase.text += ' ';
    const std::size_t begin = phrase.text.size();
    phrase.text += word;
    phrase.skip.resize(phrase.text.size());
    if (may_skip && is_empty_word(words, i)) phrase.skip[begin] = phrase.text.size();
    if (is_memory_word(word)) phrase.sizes.push_back(word);
  }
  return phrase;
}

Words without_sizes(Words words) {
  std::erase_if(words, is_memory_word);
  return words;
}

// "4090s" as "4090", for a name that is none as it is written.
Words singular(Words words) {
  for (std::string& word : words) {
    if (word.size() > 2 && word.back() == 's') word.pop_back();
  }
  return words;
}

// Who makes it and which line of cards it is: nobody is held to say so.
constexpr auto kBrands = std::to_array<std::string_view>(
    {"amd", "apple", "arc", "geforce", "gtx", "instinct", "intel", "nvidia", "radeon", "rtx", "rx"});
// A size alone is no name, nor is a count, nor a brand with words that say nothing: "AMD Radeon Graphics".
bool says_nothing(const Words& words) {
  const bool has_brand = std::ranges::any_of(words, [](const std::string& word) { return contains(kBrands, word); });
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool is_brand = contains(kBrands, word) || (has_brand && is_empty_word(words, i));
    if (!is_amount(word) && !is_brand) return false;
  }
  return true;
}

// Other words for a word of an id.
struct SameWord {
  std::string_view word;
  std::string_view other;
};
constexpr auto kSameWords = std::to_array<SameWord>({
    {"laptop", "m"},
    {"laptop", "maxq"},
    {"laptop", "mobile"},
    {"laptop", "notebook"},
    {"super", "s"},
});

struct DeviceWords {
  Words known;     // all that may be said of it, the longest first
  Words required;  // what sets it apart from its relatives: the words of its id but for the brand
};

// The sizes that a memory of so many bytes is sold as. What the driver shows is up to 8 % less.
void put_sizes(std::uint64_t bytes, Words& words) {
  const std::uint64_t least = (bytes + kGiB / 2) / kGiB;
  const std::uint64_t up = (bytes + kGiB - 1) / kGiB;
  for (const std::uint64_t size : {least, up, (up + 7) / 8 * 8, (up + 15) / 16 * 16, (up + 31) / 32 * 32}) {
    if (size * 100 <= (bytes / kMiB) * 108 / 1024) words.push_back(fmt::format("{}gb", size));
  }
}

DeviceWords words_of(const Device& device) {
  DeviceWords words;
  words.required = words_of(device.id);
  words.known = words.required;
  std::erase_if(words.required, [](const std::string& word) { return contains(kBrands, word); });
  // What a machine of several is called says how many: "2 x RTX 4090" is two of that card.
  const std::string_view name = device.count == 1 ? std::string_view(device.name) : "";
  for (const std::string_view text : {name, std::string_view(device.vendor), std::string_view(device.maker)}) {
    std::ranges::move(words_of(text), std::back_inserter(words.known));
  }
  std::string_view aliases = device.aliases;
  while (!aliases.empty()) {
    const std::string_view alias = aliases.substr(0, aliases.find(';'));
    aliases.remove_prefix(std::min(aliases.size(), alias.size() + 1));
    const Phrase phrase = phrase_of(words_of(alias));
    if (!phrase.text.empty()) words.known.push_back(phrase.text);
  }
  for (const SameWord& same : kSameWords) {
    if (contains(words.required, same.word)) words.known.emplace_back(same.other);
  }
  put_sizes(device.memory_bytes, words.known);
  std::ranges::sort(words.known, [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  words.known.erase(std::unique(words.known.begin(), words.known.end()), words.known.end());
  return words;
}

// Whether a phrase is nothing but words of a device, each where the one before it ends.
class Cover {
 public:
  Cover(const Phrase& phrase, const Words& known) : phrase_(phrase), known_(known), dead_end_(phrase.text.size() + 1) {}

  bool found() { return from(0) && !used_.empty(); }
  // The words it is made of.
  [[nodiscard]] const Words& used() const { return used_; }

 private:
  bool from(std::size_t at) {
    const std::string& text = phrase_.text;
    if (at == text.size()) return true;
    if (dead_end_[at]) return false;
    if (text[at] == ' ') return from(at + 1);
    for (const std::string& word : known_) {
      if (text.compare(at, word.size(), word) != 0 || cuts_number(at + word.size())) continue;
      used_.push_back(word);
      if (from(at + word.size())) return true;
      used_.pop_back();
    }
    if (at < phrase_.skip.size() && phrase_.skip[at] != 0 && from(phrase_.skip[at])) return true;
    dead_end_[at] = true;
    return false;
  }

  [[nodiscard]] bool cuts_number(std::size_t at) const {
    const std::string& text = phrase_.text;
    return at < text.size() && is_digit(text[at - 1]) && is_digit(text[at]);
  }

  const Phrase& phrase_;
  const Words& known_;
  std::vector<bool> dead_end_;
  Words used_;
};

// A device that a name fits, and the words of its id that the name leaves out, sorted.
struct Match {
  const Device* device;
  Words unsaid;
  Words unsaid_but_size;
};

std::vector<Match> matches(std::span<const Device> devices, const Phrase& phrase) {
  std::vector<Match> found;
  for (const Device& device : devices) {
    DeviceWords words = words_of(device);
    Cover cover(phrase, words.known);
    if (!cover.found()) continue;
    Match match{&device, std::move(words.required), {}};
    const auto says = [&](const std::string& word) { return contains(cover.used(), word); };
    for (const SameWord& same : kSameWords) {
      if (says(std::string(same.other))) std::erase(match.unsaid, same.word);
    }
    std::erase_if(match.unsaid, says);
    std::ranges::sort(match.unsaid);
    match.unsaid_but_size = without_sizes(match.unsaid);
    found.push_back(std::move(match));
  }
  return found;
}

// Leaves those that no other is nearer to: a plain card stands for itself, not for its variants with more in the name.
void keep_nearest(std::vector<Match>& found, Words Match::*unsaid) {
  const std::vector<Match> all = found;
  std::erase_if(found, [&](const Match& match) {
    return std::ranges::any_of(all, [&](const Match& other) {
      const Words& less = other.*unsaid;
      return less.size() < (match.*unsaid).size() && std::ranges::includes(match.*unsaid, less);
    });
  });
}

std::vector<const Device*> nearest(std::vector<Match> found) {
  // A machine of several devices is meant only where nothing single is.
  const auto single = [](const Match& match) { return match.device->count == 1; };
  if (std::ranges::any_of(found, single)) std::erase_if(found, std::not_fn(single));
  keep_nearest(found, &Match::unsaid);
  // Another name of a device that is among them.
  const std::vector<Match> all = found;
  std::erase_if(found, [&](const Match& match) {
    return std::ranges::any_of(all, [&](const Match& other) { return other.device->id == match.device->member; });
  });
  std::vector<Match> plain = found;
  keep_nearest(plain, &Match::unsaid_but_size);
  std::vector<const Device*> devices;
  for (const Match& match : plain.size() > 1 ? plain : found) devices.push_back(match.device);
  return devices;
}

}  // namespace

NamedDevices devices_named(std::span<const Device> devices, std::string_view name) {
  constexpr std::size_t kLongest = 120;  // no name comes near it
  Words words = words_of(without_labels(name));
  Phrase phrase = phrase_of(words);
  if (phrase.text.size() > kLongest || says_nothing(words)) return {};
  std::vector<Match> found = matches(devices, phrase);
  if (found.empty()) {
    words = singular(std::move(words));
    phrase = phrase_of(words);
    found = matches(devices, phrase);
  }
  if (phrase.sizes.empty()) return {nearest(std::move(found)), false};

  const std::vector<Match> of_any_size = matches(devices, phrase_of(without_sizes(words)));
  if (found.empty()) return {nearest(of_any_size), true};
  // "4060 16gb" is not quite the Ti with 16 GB when there is a plain 4060 with another size.
  const auto is_plain = [](const Match& match) { return match.unsaid.empty() && match.device->count == 1; };
  const bool none_plain = std::ranges::none_of(found, [](const Match& match) { return match.unsaid_but_size.empty(); });
  const bool other_size = none_plain && std::ranges::any_of(of_any_size, is_plain);
  return {nearest(std::move(found)), other_size};
}

std::string unbranded(std::string_view name) {
  std::string text;
  for (const std::string& word : words_of(name)) {
    if (!contains(kBrands, word)) text += word;
  }
  return text;
}

std::string_view without_labels(std::string_view text) {
  text = text.substr(0, std::min(text.find("(UUID"), text.find("(uuid")));
  const std::size_t revision = text.find(" (rev ");
  text = text.substr(0, revision);
  if (const std::size_t label = text.rfind(": "); label != std::string_view::npos) text.remove_prefix(label + 2);
  const std::size_t open = text.rfind('[');
  const std::size_t close = text.rfind(']');
  if (open != std::string_view::npos && close != std::string_view::npos && close > open + 1) {
    text = text.substr(open + 1, close - open - 1);
  }
  return text;
}

namespace {

struct CardMaker {
  std::string_view word;
  std::string_view maker;
  bool makes_cards_only;
};
constexpr auto kCardMakers = std::to_array<CardMaker>({
    {"nvidia", "NVIDIA", false},
    {"geforce", "NVIDIA", true},
    {"rtx", "NVIDIA", true},
    {"gtx", "NVIDIA", true},
    {"amd", "AMD", false},
    {"radeon", "AMD", true},
    {"rx", "AMD", true},
    {"intel", "Intel", false},
    {"arc", "Intel", true},
});
constexpr std::array<std::string_view, 5> kCardWords{"card", "cards", "gpu", "gpus", "vram"};

}  // namespace

std::optional<Device> card_of_size(std::string_view text) {
  std::string size;
  std::string_view maker;
  bool is_card = false;
  const Words words = words_of(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto row = std::ranges::find(kCardMakers, std::string_view(word), &CardMaker::word);
    if (is_memory_word(word) && size.empty()) {
      size = word;
    } else if (row != kCardMakers.end() && (maker.empty() || maker == row->maker)) {
      maker = row->maker;
      is_card = is_card || row->makes_cards_only;
    } else if (contains(kCardWords, word)) {
      is_card = true;
    } else if (!is_empty_word(words, i) || word == "ram") {
      return std::nullopt;
    }
  }
  if (size.empty() || !is_card) return std::nullopt;

  const std::uint64_t number = *parse_uint(std::string_view(size).substr(0, size.size() - 2));
  if (number == 0 || number > kMaxDeviceBytes / kGiB) {
    throw UsageError("found a size that is not a number above 0 and up to 1024TiB");
  }
  Device device;
  device.id = maker.empty() ? fmt::format("{}-card", size) : fmt::format("{}-{}-card", size, lower(maker));
  device.vendor = device.maker = maker.empty() ? "NVIDIA" : maker;
  device.name = fmt::format("A card sold with {} GB, by the rule for {} cards", number, device.maker);
  device.kind = DeviceKind::DiscreteGpu;
  device.memory_bytes = number * kGiB;
  return device;
}

}  // namespace weigh::core
