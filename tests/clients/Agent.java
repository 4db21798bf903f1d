/* An agent on JDBC. Reads lines of "command<TAB>argument…" from standard input, does each over one connection,
 * and answers each with one line: "ok<TAB>…", or "error<TAB>SQLSTATE<TAB>detail<TAB>message".
 *
 *   query SQL [value…]      its rows, values separated by commas, rows by semicolons (values: all digits are an int)
 *   update SQL [value…]     the count
 *   batch SQL value…        an INSERT of (int, text) for each value, as one batch; the sum of the counts
 *   keys SQL value          the keys that an INSERT made
 *   begin | commit | rollback | savepoint | back
 *   fetch SQL n             how many rows came in portions of n
 *   metadata METHOD TABLE   what DatabaseMetaData says: tables, columns, keys, indexes, foreign
 *   copy SQL                how many rows CopyManager copied out
 *   timeout SQL             runs it with a query time-out of one second
 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringWriter;
import java.sql.*;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;

public class Agent {
    private final Connection connection;
    private Savepoint savepoint;

    Agent(String url) throws SQLException {
        connection = DriverManager.getConnection(url);
    }

    private static String rows(ResultSet result) throws SQLException {
        StringBuilder text = new StringBuilder();
        int columns = result.getMetaData().getColumnCount();
        while (result.next()) {
            for (int i = 1; i <= columns; i++)
                text.append(i > 1 ? "," : "").append(result.getString(i));
            text.append(';');
        }
        return text.toString();
    }

    private static void set(PreparedStatement statement, int at, String value) throws SQLException {
        if (value.matches("\\d+"))
            statement.setInt(at, Integer.parseInt(value));
        else
            statement.setString(at, value);
    }

    private final java.util.Map<String, PreparedStatement> prepared = new java.util.HashMap<>();

    /* The same statement object each time, so that the driver prepares it on the server after the fifth. */
    private PreparedStatement prepare(String[] words) throws SQLException {
        PreparedStatement statement = prepared.get(words[1]);
        if (statement == null)
            prepared.put(words[1], statement = connection.prepareStatement(words[1]));
        for (int i = 2; i < words.length; i++)
            set(statement, i - 1, words[i]);
        return statement;
    }

    private Object batch(String[] words) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(words[1])) {
            for (int i = 2; i < words.length; i++) {
                statement.setInt(1, 700 + i);
                statement.setString(2, words[i]);
                statement.addBatch();
            }
            return java.util.Arrays.stream(statement.executeBatch()).sum();
        }
    }

    private Object keys(String[] words) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(words[1], new String[] {"id"})) {
            set(statement, 1, words[2]);
            statement.executeUpdate();
            return rows(statement.getGeneratedKeys());
        }
    }

    private Object fetch(String[] words) throws SQLException {
        connection.setAutoCommit(false);
        int count = 0;
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(Integer.parseInt(words[2]));
            for (ResultSet result = statement.executeQuery(words[1]); result.next();)
                count++;
        }
        connection.commit();
        connection.setAutoCommit(true);
        return count;
    }

    private Object metadata(String method, String table) throws SQLException {
        DatabaseMetaData data = connection.getMetaData();
        switch (method) {
        case "tables":
            return rows(data.getTables(null, "public", table, null));
        case "columns":
            return rows(data.getColumns(null, "public", table, "%"));
        case "keys":
            return rows(data.getPrimaryKeys(null, "public", table));
        case "indexes":
            return rows(data.getIndexInfo(null, "public", table, false, true));
        default:
            return rows(data.getImportedKeys(null, "public", table));
        }
    }

    private Object timeout(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            return rows(statement.executeQuery(sql));
        }
    }

    private Object answer(String[] words) throws Exception {
        switch (words[0]) {
        case "query":
            return rows(prepare(words).executeQuery());
        case "update":
            return prepare(words).executeUpdate();
        case "batch":
            return batch(words);
        case "keys":
            return keys(words);
        case "begin":
            connection.setAutoCommit(false);
            return "";
        case "commit":
            connection.commit();
            connection.setAutoCommit(true);
            return "";
        case "rollback":
            connection.rollback();
            connection.setAutoCommit(true);
            return "";
        case "savepoint":
            savepoint = connection.setSavepoint();
            return "";
        case "back":
            connection.rollback(savepoint);
            return "";
        case "fetch":
            return fetch(words);
        case "metadata":
            return metadata(words[1], words[2]);
        case "copy":
            return connection.unwrap(PGConnection.class).getCopyAPI().copyOut(words[1], new StringWriter());
        case "timeout":
            return timeout(words[1]);
        default:
            throw new IllegalArgumentException(words[0]);
        }
    }

    /* A batch's error is a wrapper; the server's own is behind it. */
    private static String complaint(SQLException error) {
        while (error.getNextException() != null)
            error = error.getNextException();
        PSQLException own = (PSQLException) error;
        String detail = own.getServerErrorMessage() == null ? "" : own.getServerErrorMessage().getDetail();
        return "error\t" + error.getSQLState() + "\t" + detail + "\t" + error.getMessage().replace("\n", " ");
    }

    public static void main(String[] arguments) throws Exception {
        Agent agent = new Agent(arguments[0]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = in.readLine()) != null;) {
            try {
                System.out.println("ok\t" + agent.answer(line.split("\t")));
            } catch (SQLException error) {
                System.out.println(complaint(error));
            }
        }
        agent.connection.close();
    }
}
