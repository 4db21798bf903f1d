# cmake -DFROM=folder -DTO=scripts.c -P embed.cmake: every script but common.lua becomes a `struct script`
# (script.h) that holds common.lua's text and then its own, byte by byte, so that nothing needs escaping.
cmake_minimum_required(VERSION 3.25)
get_filename_component(folder ${TO} DIRECTORY)
file(READ ${FROM}/common.lua common)
file(GLOB scripts ${FROM}/*.lua)
set(out "/* Made from the Lua scripts in src/approval by embed.cmake. */\n#include \"${FROM}/script.h\"\n")
foreach(script ${scripts})
    get_filename_component(name ${script} NAME_WE)
    if(name STREQUAL "common")
        continue()
    endif()
    file(READ ${script} body)
    set(whole ${folder}/${name}.whole)
    file(WRITE ${whole} "${common}${body}")
    file(SHA1 ${whole} sha)
    file(READ ${whole} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," hex "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n"
           hex "${hex}")
    string(APPEND out "\nstatic const char text_${name}[] = {\n${hex}0x00};\n"
           "const struct script script_${name} = {\"${name}\", \"${sha}\", text_${name}, sizeof text_${name} - 1};\n")
endforeach()
file(WRITE ${TO} "${out}")
