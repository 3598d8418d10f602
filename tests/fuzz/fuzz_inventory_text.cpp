#include <array>
#include <string_view>

#include "formats/error.h"
#include "src/scan/inventory.h"

using namespace weigh::core;

// The texts of an inventory's row, which anybody may have written: model, signature and path, a line each, as a scan and
// a listing read them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Inventory inventory(":memory:", "1");
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string, 3> texts;
  for (std::string& text : texts) {
    const auto end = rest.find('\n');
    text = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  StoredModel stored;
  stored.row.path = texts[2];
  stored.line = texts[0];
  stored.signature = texts[1];
  inventory.put({"/folder", texts[1], "", {stored}, {{texts[2], texts[0], std::nullopt}}});
  std::size_t rows = 0;
  std::size_t failures = 0;
  inventory.each({}, {.model =
                          [&](StoredModel&& model) {
                            ++rows;
                            if (model.line != stored.line) __builtin_trap();
                          },
                      .failure = [&](const Failure&) { ++failures; },
                      .damaged =
                          [&](const Failure& damage, const std::string&) {
                            ++rows;
                            if (damage.message.empty()) __builtin_trap();
                          }});
  if (rows != 1 || failures != 1) __builtin_trap();
  if (!inventory.is_current("/folder", texts[1], "")) __builtin_trap();
  (void)inventory.models_of("/folder", "");
  return 0;
}
