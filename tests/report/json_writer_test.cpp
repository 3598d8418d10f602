#include "src/report/json_writer.h"

#include "src/report/escape.h"
#include "tests/catch.h"

namespace weigh::core {
namespace {

// The same value as a tree.
Json tree() {
  Json tree{{"plain", "text"}, {"null", nullptr}};
  tree["escaped \"key\""] = "a \"quote\", a \\, a \n, a \x01, \x7f and \xC3\xA9";
  tree["invalid"] = "\xFF\xC3";
  tree["hidden"] = "right\xE2\x80\xAEleft";
  tree["numbers"] = {0, 18446744073709551615U, -7, 4.717608378230734, 1e300, 2.0};
  tree["bools"] = {true, false};
  tree["none"] = Json::array();
  tree["nothing"] = Json::object();
  tree["rows"] = {{{"a", 1}, {"b", {1, 2}}}, Json::object(), {{"c", nullptr}}};
  return tree;
}

void write(JsonWriter& json) {
  json.object([&] {
    json.field("plain", "text");
    json.field("null", std::optional<bool>());
    json.field("escaped \"key\"", std::string("a \"quote\", a \\, a \n, a \x01, \x7f and \xC3\xA9"));
    json.field("invalid", std::string_view("\xFF\xC3"));
    json.field("hidden", "right\xE2\x80\xAEleft");
    json.array("numbers", [&] {
      json.add(0);
      json.add(18446744073709551615U);
      json.add(-7);
      json.add(4.717608378230734);
      json.add(1e300);
      json.add(2.0);
    });
    json.field("bools", Json{true, false});
    json.field("none", std::vector<std::string>());
    json.object("nothing", [] {});
    json.array("rows", [&] {
      json.object([&] {
        json.field("a", 1);
        json.field("b", std::vector<int>{1, 2});
      });
      json.object([] {});
      json.add(Json{{"c", nullptr}});
    });
  });
}

TEST_CASE("what is written as it goes is what a tree would be written as") {
  JsonWriter line(JsonWriter::Layout::Line);
  write(line);
  CHECK(line.take() == json_escaped(tree().dump(-1, ' ', false, Json::error_handler_t::replace)));
  JsonWriter indented(JsonWriter::Layout::Indented);
  write(indented);
  CHECK(indented.take() == json_escaped(tree().dump(2, ' ', false, Json::error_handler_t::replace)));
}

}  // namespace
}  // namespace weigh::core
