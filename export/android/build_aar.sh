#!/bin/sh
# Build the library without Gradle: sh export/android/build_aar.sh [FILE.aar]
#
# Needs a JDK (javac and jar), 9 or newer. ANDROID_JAR names the android.jar of an Android SDK (21 or newer) to compile
# against; without it the signatures in stubs/ serve.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=${1:-kws.aar}
for program in javac jar; do
    command -v "$program" > /dev/null || {
        echo "$program is missing: apt-get install default-jdk-headless" >&2
        exit 2
    }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/android" "$folder/classes" "$folder/aar"

android=${ANDROID_JAR:-}
if [ -z "$android" ]; then
    find "$here/stubs" -name '*.java' | sed 's/.*/"&"/' > "$folder/stubs.txt"
    javac --release 8 -Xlint:-options -d "$folder/android" "@$folder/stubs.txt"
    android=$folder/android
elif [ ! -f "$android" ]; then
    echo "ANDROID_JAR is $android; there is no such file" >&2
    exit 2
fi
# Quoted, since the folder's name may hold spaces.
find "$here/library/src/main/java" -name '*.java' | sed 's/.*/"&"/' > "$folder/sources.txt"
javac --release 8 -Xlint:all -Xlint:-options -Werror -cp "$android" -d "$folder/classes" "@$folder/sources.txt"

aar=$folder/aar
jar --create --no-manifest --file "$aar/classes.jar" -C "$folder/classes" .
cp "$here/library/src/main/AndroidManifest.xml" "$here/library/proguard.txt" "$aar/"
# The library has no resources; the file that lists them must be there all the same.
: > "$aar/R.txt"
jar --create --no-manifest --file "$folder/kws.aar" -C "$aar" .
mv "$folder/kws.aar" "$target"
echo "$target"
